//! Brings records of before, one row each, into blocks, when an engine starts. Their sums are there
//! already: the migration made them.

use inkstone_domain::usage::UsageRecord;
use surrealdb::types::RecordId;

use super::old_row::UsageRow;
use super::{STORE_BLOCKS, block};
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
}
