//! The tables `usage` and `spend`: the ledger, and what each subject spent on each day.

mod query;
mod row;
mod spend;

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::NaiveDate;
use inkstone_domain::Result;
use inkstone_domain::allowance::DaySpend;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::UsageId;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{UsageDimension, UsageFilter, UsageGroup, UsageRecord};
use surrealdb::types::RecordId;

use self::row::{GroupRow, UsageRow};
use self::spend::SpendRow;
use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::{Refusal, StoreFailure};
use crate::pages::Place;
use crate::statement::Statement;

const TABLE: &str = "usage";

/// How often an append looks again at what is new.
const LOOKS: usize = 5;

#[async_trait]
impl UsageLedger for SurrealStore {
    async fn append(&self, records: &[UsageRecord]) -> Result<()> {
        // A record has one writer, so between the look and the write nobody adds it but an earlier
        // attempt of the same writer whose answer was lost. The write refuses then; the next look sees it.
        let mut looks = LOOKS;
        loop {
            looks -= 1;
            let new = self.unknown(records).await?;
            match self.append_new(&new).await {
                Err(StoreFailure::Refused {
                    refusal: Refusal::AlreadyExists,
                    ..
                }) if looks > 0 => {}
                ended => return Ok(ended?),
            }
        }
    }

    async fn list_usage(
        &self,
        filter: &UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageRecord>> {
        let place: Place<UsageId> = Place::of(&page)?;
        let rows: Vec<UsageRow> = self.read(query::list(filter, &place)).await?;
        Ok(place.page(read_all(rows)?, |record: &UsageRecord| record.id))
    }

    async fn sum_usage(
        &self,
        filter: &UsageFilter,
        by: &[UsageDimension],
    ) -> Result<Vec<UsageGroup>> {
        let rows: Vec<GroupRow> = self.read(query::sum(filter, by)).await?;
        if rows.is_empty() && by.is_empty() {
            // The database makes no group of nothing.
            return Ok(vec![UsageGroup::default()]);
        }
        Ok(rows.into_iter().map(UsageGroup::from).collect())
    }

    async fn spent_since(&self, day: NaiveDate) -> Result<Vec<DaySpend>> {
        let statement =
            Statement::new("SELECT * FROM spend WHERE day >= $day ORDER BY day, subject")
                .bind("day", day.to_string());
        let rows: Vec<SpendRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

impl SurrealStore {
    /// Those that are not in the ledger, each one once.
    async fn unknown<'r>(
        &self,
        records: &'r [UsageRecord],
    ) -> Result<Vec<&'r UsageRecord>, StoreFailure> {
        let ids: Vec<RecordId> = records.iter().map(row::record_id).collect();
        let statement = Statement::new("SELECT VALUE key FROM $ids").bind("ids", ids);
        let known: Vec<String> = self.read(statement).await?;
        let mut known: BTreeSet<String> = known.into_iter().collect();
        let is_new = |record: &&UsageRecord| known.insert(record.id.to_string());
        Ok(records.iter().filter(is_new).collect())
    }

    /// `already_exists` where one of them is in the ledger; nothing is added then, neither to it nor
    /// to the sums.
    async fn append_new(&self, records: &[&UsageRecord]) -> Result<(), StoreFailure> {
        if records.is_empty() {
            return Ok(());
        }
        let rows: Vec<UsageRow> = records
            .iter()
            .map(|record| UsageRow::from(*record))
            .collect();
        let statement = Statement::new(
            "{
                INSERT INTO usage $rows RETURN NONE;
                FOR $sum IN $sums {
                    UPSERT type::record('spend', [$sum.subject, $sum.day]) SET
                        subject = $sum.subject,
                        day = $sum.day,
                        money_nanos = (money_nanos ?? 0) + $sum.money_nanos,
                        tokens = (tokens ?? 0) + $sum.tokens
                        RETURN NONE;
                };
                RETURN NONE;
            }",
        )
        .about("ledger")
        .bind("rows", rows)
        .bind("sums", spend::sums(records));
        self.write(statement).await
    }
}

#[cfg(test)]
mod tests;
