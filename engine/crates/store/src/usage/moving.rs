//! Brings records of before, one row each, into blocks, when an engine starts; and out of them, for the way
//! back to an engine of before. Their sums are there already: the migration made them.

use std::collections::BTreeSet;

use inkstone_domain::usage::UsageRecord;
use surrealdb::types::RecordId;

use super::STORE_BLOCKS;
use super::block::{self, BlockRow};
use super::old_row::UsageRow;
use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::{Refusal, StoreFailure};
use crate::statement::Statement;

/// Rows of one transaction.
const AT_ONCE: usize = 1_000;

impl SurrealStore {
    /// Several engines may do it at once; each row is moved by one of them.
    pub(crate) async fn move_old_usage(&self) -> Result<(), StoreFailure> {
        loop {
            let oldest = Statement::new("SELECT * FROM usage ORDER BY key LIMIT $count")
                .bind("count", AT_ONCE as u64);
            let rows: Vec<UsageRow> = self.read(oldest).await?;
            if rows.is_empty() {
                return Ok(());
            }
            tracing::info!(
                records = rows.len(),
                "moved old records of the ledger into blocks"
            );
            let ids: Vec<RecordId> = rows.iter().map(|row| row.id.clone()).collect();
            match self.move_rows(ids, &read_all(rows)?).await {
                // Another engine was quicker.
                Err(StoreFailure::Refused {
                    refusal: Refusal::AlreadyExists,
                    ..
                }) => {}
                ended => ended?,
            }
        }
    }

    async fn move_rows(
        &self,
        ids: Vec<RecordId>,
        records: &[UsageRecord],
    ) -> Result<(), StoreFailure> {
        let all: Vec<&UsageRecord> = records.iter().collect();
        let (blocks, marks) = block::blocks(&all)?;
        let text = format!(
            "{{
                LET $there = SELECT VALUE id FROM $ids;
                IF array::len($there) != array::len($ids) {{ THROW 'refused:already_exists' }};
                DELETE $ids RETURN NONE;
                {STORE_BLOCKS}
                RETURN NONE;
            }}"
        );
        let statement = Statement::new(text)
            .about("ledger")
            .bind("ids", ids)
            .bind("blocks", blocks)
            .bind("marks", marks);
        self.write(statement).await
    }

    /// The other way: every record is a row of `usage` again. Where it ends early, some are rows and some
    /// are in blocks, and [`SurrealStore::move_old_usage`] makes blocks of all.
    pub(crate) async fn unpack_usage(&self) -> Result<(), StoreFailure> {
        loop {
            let first = Statement::new("SELECT * FROM usage_block LIMIT 1");
            let found: Vec<BlockRow> = self.read(first).await?;
            let Some(block) = found.into_iter().next() else {
                return Ok(());
            };
            self.unpack(&block).await?;
        }
    }

    async fn unpack(&self, block: &BlockRow) -> Result<(), StoreFailure> {
        let records = block.records()?;
        let subjects: BTreeSet<String> = records
            .iter()
            .flat_map(UsageRecord::subjects)
            .map(|subject| subject.to_string())
            .collect();
        let rows: Vec<UsageRow> = records.iter().map(UsageRow::from).collect();
        let statement = Statement::new(
            "{
                INSERT INTO usage $rows RETURN NONE;
                FOR $subject IN $subjects {
                    DELETE type::record('usage_mark', [$subject, $first]) RETURN NONE;
                };
                DELETE $block RETURN NONE;
                RETURN NONE;
            }",
        )
        .about("ledger")
        .bind("rows", rows)
        .bind("subjects", subjects.into_iter().collect::<Vec<_>>())
        .bind("first", block.first()?.to_string())
        .bind("block", block.id.clone());
        self.write(statement).await
    }
}
