//! The table `event_handler`: how far each of those who follow events has come, and which engine has it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::ports::{ClaimedHandler, HandlerState, HandlerStore};
use surrealdb::types::SurrealValue;

use crate::connection::SurrealStore;
use crate::statement::Statement;

const CLAIM: &str = "{
    LET $id = type::record('event_handler', $name);
    LET $stored = SELECT * FROM ONLY $id;
    IF $stored.lease_until != NONE AND $stored.lease_until > $now AND $stored.holder != $holder {
        RETURN NONE
    };
    LET $fence = ($stored.fence ?? 0) + 1;
    LET $number = $stored.number ?? $begin;
    UPSERT $id CONTENT {
        name: $name, number: $number, fence: $fence, holder: $holder, lease_until: $lease_until
    } RETURN NONE;
    RETURN { fence: $fence, number: $number };
}";
/// First part of every fenced transaction.
macro_rules! hold {
    () => {
        "{
    LET $stored = SELECT fence FROM ONLY type::record('event_handler', $name);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored.fence != $fence { THROW 'refused:lease_lost' };
"
    };
}
const ADVANCE: &str = concat!(
    hold!(),
    "
    UPDATE type::record('event_handler', $name)
        SET number = $number, lease_until = $lease_until RETURN NONE;
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
const REWIND: &str = "{
    LET $stored = SELECT fence FROM ONLY type::record('event_handler', $name);
    IF $stored = NONE { THROW 'refused:not_found' };
    UPDATE type::record('event_handler', $name)
        SET number = $number, fence += 1, holder = NONE, lease_until = NONE RETURN NONE;
    RETURN NONE;
}";

#[derive(SurrealValue)]
struct ClaimRow {
    fence: u64,
    number: u64,
}

#[derive(SurrealValue)]
struct HandlerRow {
    name: String,
    number: u64,
    holder: Option<String>,
    lease_until: Option<DateTime<Utc>>,
}

#[async_trait]
impl HandlerStore for SurrealStore {
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
        Ok(claimed.map(|row| ClaimedHandler {
            fence: row.fence,
            number: row.number,
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

    async fn handlers(&self) -> Result<Vec<HandlerState>> {
        let statement = Statement::new("SELECT * FROM event_handler ORDER BY name");
        let rows: Vec<HandlerRow> = self.read(statement).await?;
        let states = rows.into_iter().map(|row| HandlerState {
            name: row.name,
            number: row.number,
            holder: row.holder,
            lease_until: row.lease_until,
        });
        Ok(states.collect())
    }
}

fn about(text: &'static str, name: &str) -> Statement {
    Statement::new(text)
        .about(format!("handler `{name}`"))
        .bind("name", name)
}
