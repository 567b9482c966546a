//! The ledger in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::UsageRecord;

use super::{MemStore, page_of};

#[async_trait]
impl UsageLedger for MemStore {
    async fn append(&self, records: &[UsageRecord]) -> Result<()> {
        let mut state = self.state();
        for record in records {
            // A record that is known already stays: a flush may be repeated after a lost answer.
            state
                .usage
                .entry(record.id)
                .or_insert_with(|| record.clone());
        }
        Ok(())
    }

    async fn list_usage(
        &self,
        user: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<UsageRecord>> {
        let state = self.state();
        let newest_first = state
            .usage
            .iter()
            .rev()
            .filter(|(_, record)| user.is_none_or(|user| record.user == user))
            .map(|(id, record)| (*id, record.clone()));
        page_of(newest_first, &page, |cursor| cursor.parse().ok())
    }
}
