//! The table `event_handler`: how far each of those who follow events has come, and which engine has it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::ports::{
    ClaimedHandler, HandlerFault, HandlerState, HandlerStore, PASSED_OVER_KEPT,
};
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, to_json};
use crate::statement::Statement;

const TABLE: &str = "event_handler";

const KEEP_PLACE: &str = "{
    LET $id = type::record('event_handler', $name);
    LET $stored = SELECT seen_at FROM ONLY $id;
    IF $stored = NONE {
        UPSERT $id CONTENT {
            name: $name, number: $begin, fence: 0, passed_over: [], seen_at: $now
        } RETURN NONE
    } ELSE {
        UPDATE $id SET seen_at = $now RETURN NONE
    };
    RETURN NONE;
}";
const CLAIM: &str = "{
    LET $id = type::record('event_handler', $name);
    LET $stored = SELECT * FROM ONLY $id;
    IF $stored.lease_until != NONE AND $stored.lease_until > $now AND $stored.holder != $holder {
        RETURN NONE
    };
    LET $fence = ($stored.fence ?? 0) + 1;
    LET $number = $stored.number ?? $begin;
    UPSERT $id CONTENT {
        name: $name, number: $number, fence: $fence, holder: $holder, lease_until: $lease_until,
        failing: $stored.failing, passed_over: $stored.passed_over ?? [], seen_at: $now
    } RETURN NONE;
    RETURN { fence: $fence, number: $number, failing: $stored.failing };
}";
/// First part of every fenced transaction.
macro_rules! hold {
    () => {
        "{
    LET $stored = SELECT * FROM ONLY type::record('event_handler', $name);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored.fence != $fence { THROW 'refused:lease_lost' };
"
    };
}
const ADVANCE: &str = concat!(
    hold!(),
    "
    LET $failing = IF $stored.number = $number { $stored.failing } ELSE { NONE };
    UPDATE type::record('event_handler', $name)
        SET number = $number, lease_until = $lease_until, seen_at = $now, failing = $failing
        RETURN NONE;
    RETURN NONE;
}"
);
const NOTE_FAULT: &str = concat!(
    hold!(),
    "
    UPDATE type::record('event_handler', $name)
        SET failing = $fault, lease_until = $lease_until, seen_at = $now RETURN NONE;
    RETURN NONE;
}"
);
const PASS_OVER: &str = concat!(
    hold!(),
    "
    LET $passed = array::append($stored.passed_over, $fault);
    UPDATE type::record('event_handler', $name)
        SET number = $number, lease_until = $lease_until, seen_at = $now, failing = NONE,
            passed_over = array::slice($passed, math::max([0, array::len($passed) - $kept]))
        RETURN NONE;
    RETURN NONE;
}"
);
const RELEASE: &str = concat!(
    hold!(),
    "
    UPDATE type::record('event_handler', $name)
        SET holder = NONE, lease_until = NONE RETURN NONE;
    RETURN NONE;
}"
);
const FORGET: &str = "{
    LET $old = SELECT VALUE id FROM event_handler WHERE seen_at < $before;
    DELETE $old RETURN NONE;
    RETURN array::len($old);
}";
const REWIND: &str = "{
    LET $stored = SELECT fence FROM ONLY type::record('event_handler', $name);
    IF $stored = NONE { THROW 'refused:not_found' };
    UPDATE type::record('event_handler', $name)
        SET number = $number, fence += 1, holder = NONE, lease_until = NONE, failing = NONE RETURN NONE;
    RETURN NONE;
}";

#[derive(SurrealValue)]
struct ClaimRow {
    fence: u64,
    number: u64,
    failing: Option<String>,
}

#[derive(SurrealValue)]
struct HandlerRow {
    name: String,
    number: u64,
    holder: Option<String>,
    lease_until: Option<DateTime<Utc>>,
    failing: Option<String>,
    passed_over: Vec<String>,
}

impl TryFrom<HandlerRow> for HandlerState {
    type Error = StoreFailure;

    fn try_from(row: HandlerRow) -> RowResult<Self> {
        let passed_over = row.passed_over.iter().rev();
        Ok(Self {
            name: row.name,
            number: row.number,
            holder: row.holder,
            lease_until: row.lease_until,
            failing: fault_of(row.failing)?,
            passed_over: passed_over
                .map(|text| from_json(TABLE, text))
                .collect::<RowResult<_>>()?,
        })
    }
}

fn fault_of(text: Option<String>) -> RowResult<Option<HandlerFault>> {
    text.map(|text| from_json(TABLE, &text)).transpose()
}

#[async_trait]
impl HandlerStore for SurrealStore {
    async fn keep_place(&self, name: &str, begin: u64, now: DateTime<Utc>) -> Result<()> {
        let statement = about(KEEP_PLACE, name)
            .bind("begin", begin)
            .bind("now", now);
        Ok(self.write(statement).await?)
    }

    async fn claim_handler(
        &self,
        name: &str,
        holder: &str,
        begin: u64,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedHandler>> {
        let statement = about(CLAIM, name)
            .bind("holder", holder)
            .bind("begin", begin)
            .bind("now", now)
            .bind("lease_until", now + lease);
        let claimed: Option<ClaimRow> = self.write(statement).await?;
        let Some(row) = claimed else {
            return Ok(None);
        };
        Ok(Some(ClaimedHandler {
            fence: row.fence,
            number: row.number,
            failing: fault_of(row.failing)?,
        }))
    }

    async fn advance_handler(
        &self,
        name: &str,
        fence: u64,
        number: u64,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let statement = about(ADVANCE, name)
            .bind("fence", fence)
            .bind("number", number)
            .bind("now", now)
            .bind("lease_until", now + lease);
        Ok(self.write(statement).await?)
    }

    async fn note_fault(
        &self,
        name: &str,
        fence: u64,
        fault: &HandlerFault,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let statement = about(NOTE_FAULT, name)
            .bind("fence", fence)
            .bind("fault", to_json(TABLE, fault)?)
            .bind("now", now)
            .bind("lease_until", now + lease);
        Ok(self.write(statement).await?)
    }

    async fn pass_over(
        &self,
        name: &str,
        fence: u64,
        number: u64,
        fault: &HandlerFault,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let statement = about(PASS_OVER, name)
            .bind("fence", fence)
            .bind("number", number)
            .bind("fault", to_json(TABLE, fault)?)
            .bind("kept", PASSED_OVER_KEPT as u64)
            .bind("now", now)
            .bind("lease_until", now + lease);
        Ok(self.write(statement).await?)
    }

    async fn release_handler(&self, name: &str, fence: u64) -> Result<()> {
        let statement = about(RELEASE, name).bind("fence", fence);
        Ok(self.write(statement).await?)
    }

    async fn rewind_handler(&self, name: &str, number: u64) -> Result<()> {
        let statement = about(REWIND, name).bind("number", number);
        Ok(self.write(statement).await?)
    }

    async fn forget_handlers(&self, before: DateTime<Utc>) -> Result<u64> {
        let statement = Statement::new(FORGET).bind("before", before);
        Ok(self.write(statement).await?)
    }

    async fn handlers(&self) -> Result<Vec<HandlerState>> {
        let statement = Statement::new("SELECT * FROM event_handler ORDER BY name");
        let rows: Vec<HandlerRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

fn about(text: &'static str, name: &str) -> Statement {
    Statement::new(text)
        .about(format!("handler `{name}`"))
        .bind("name", name)
}
