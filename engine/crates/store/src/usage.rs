//! The ledger: records in blocks (`usage_block`, found by `usage_mark`), and sums of them (`usage_sum`).

mod block;
mod listing;
mod moving;
mod old_row;
mod sums;

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::NaiveDate;
use inkstone_domain::Result;
use inkstone_domain::allowance::DaySpend;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::UsageId;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{UsageDimension, UsageFilter, UsageGroup, UsageRecord};
use surrealdb::types::{RecordId, SurrealValue};

use self::block::SPAN_MS;
use self::sums::{GroupRow, SpendRow};
use crate::connection::SurrealStore;
use crate::failure::{Refusal, StoreFailure};
use crate::pages::Place;
use crate::statement::Statement;

/// How often an append looks again at what is new near a group of records.
const LOOKS: usize = 40;

/// Stores `$blocks` and `$marks`, a part of a transaction.
const STORE_BLOCKS: &str = "
    INSERT INTO usage_block $blocks RETURN NONE;
    FOR $mark IN $marks {
        CREATE type::record('usage_mark', [$mark.subject, $mark.first])
            SET subject = $mark.subject, last = $mark.last, block = $mark.block RETURN NONE;
    };
";

#[async_trait]
impl UsageLedger for SurrealStore {
    async fn append(&self, records: &[UsageRecord]) -> Result<()> {
        // Each group is looked for by itself: between an old record and a new one lies everything that was written
        // since, by all engines.
        let mut crowded = None;
        for group in block::groups(records) {
            match self.append_group(&group).await {
                Err(
                    failure @ StoreFailure::Refused {
                        refusal: Refusal::AlreadyExists,
                        ..
                    },
                ) => crowded = Some(failure),
                ended => ended?,
            }
        }
        match crowded {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }

    async fn list_usage(
        &self,
        filter: &UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageRecord>> {
        let place: Place<UsageId> = Place::of(&page)?;
        let records = listing::list(self, filter, &place).await?;
        Ok(place.page(records, |record: &UsageRecord| record.id))
    }

    async fn sum_usage(
        &self,
        filter: &UsageFilter,
        by: &[UsageDimension],
    ) -> Result<Vec<UsageGroup>> {
        let rows: Vec<GroupRow> = self.read(sums::sum(filter, by)).await?;
        if rows.is_empty() && by.is_empty() {
            // The database makes no group of nothing.
            return Ok(vec![UsageGroup::default()]);
        }
        Ok(rows.into_iter().map(UsageGroup::from).collect())
    }

    async fn spent_since(&self, day: NaiveDate) -> Result<Vec<DaySpend>> {
        let rows: Vec<SpendRow> = self.read(sums::since(day)).await?;
        Ok(sums::by_subject(rows)?)
    }
}

/// A block that may hold some of the records that are to be appended.
#[derive(SurrealValue)]
struct NearRow {
    id: RecordId,
    ids: Bytes,
}

/// Which blocks may hold some of a group: those that end from its first id on, and no later than a
/// block can that begins before its last.
const NEAR: &str = "FROM usage_block WHERE last >= $first AND last < $end ORDER BY last";

impl SurrealStore {
    /// Records that fit into one block. `already_exists` where others add near them again and again.
    async fn append_group(&self, records: &[&UsageRecord]) -> Result<(), StoreFailure> {
        let mut looks = LOOKS;
        loop {
            looks -= 1;
            let known: Vec<NearRow> = self.read(near(records)).await?;
            match self.append_new(records, known).await {
                Err(StoreFailure::Refused {
                    refusal: Refusal::AlreadyExists,
                    ..
                }) if looks > 0 => {}
                ended => return ended,
            }
        }
    }

    /// `already_exists` where blocks near them were added since `known` was read; nothing is added then.
    async fn append_new(
        &self,
        records: &[&UsageRecord],
        known: Vec<NearRow>,
    ) -> Result<(), StoreFailure> {
        let mut ids: BTreeSet<UsageId> =
            known.iter().flat_map(|row| block::ids(&row.ids)).collect();
        let new = records.iter().filter(|it| ids.insert(it.id));
        let new: Vec<&UsageRecord> = new.copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        let seen: Vec<RecordId> = known.into_iter().map(|row| row.id).collect();
        let (blocks, marks) = block::blocks(&new)?;
        // Who adds the same records at once writes the same sums, so one of the two meets a conflict, is
        // run again, and finds a block it has not seen.
        let text = format!(
            "{{
                LET $near = SELECT id, last {NEAR};
                IF $near.id != $seen {{ THROW 'refused:already_exists' }};
                {STORE_BLOCKS}
                {}
                RETURN NONE;
            }}",
            sums::ADD
        );
        let statement = Statement::new(text)
            .about("ledger")
            .bind("seen", seen)
            .bind("blocks", blocks)
            .bind("marks", marks)
            .bind("sums", sums::of(&new));
        self.write(bind_range(statement, records)).await
    }
}

fn near(records: &[&UsageRecord]) -> Statement {
    let text = format!("SELECT id, ids, last {NEAR}");
    bind_range(Statement::new(text), records)
}

fn bind_range(statement: Statement, records: &[&UsageRecord]) -> Statement {
    let first = records.iter().map(|record| record.id).min();
    let last = records
        .iter()
        .map(|record| record.id.0.timestamp_ms())
        .max();
    let end = block::lowest_at(last.unwrap_or_default() + SPAN_MS + 1);
    statement
        .bind("first", first.unwrap_or_default().to_string())
        .bind("end", end.to_string())
}

#[cfg(test)]
mod tests;
