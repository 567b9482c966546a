//! The audit log in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::audit::{AuditEntry, AuditFilter, AuditHead, AuditRecord};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ports::AuditLog;

use super::{MemStore, State, page_of};

impl State {
    /// Within the lock of the change it tells of.
    pub(super) fn append_audit(&mut self, record: &AuditRecord) {
        let entry = record.clone().follow(&self.audit_head());
        self.audit.push(entry);
    }

    pub(super) fn append_some_audit(&mut self, record: Option<&AuditRecord>) {
        if let Some(record) = record {
            self.append_audit(record);
        }
    }

    fn audit_head(&self) -> AuditHead {
        self.audit
            .last()
            .map_or_else(AuditHead::default, |last| AuditHead {
                seq: last.seq,
                hash: last.hash.clone(),
            })
    }
}

#[async_trait]
impl AuditLog for MemStore {
    async fn append_audit(&self, record: &AuditRecord) -> Result<()> {
        self.state().append_audit(record);
        Ok(())
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let state = self.state();
        let newest_first = state.audit.iter().rev();
        let fitting = newest_first.filter(|entry| filter.fits(&entry.record));
        let keyed = fitting.map(|entry| (entry.seq, entry.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn audit_after(
        &self,
        filter: &AuditFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<AuditEntry>> {
        let state = self.state();
        let entries = state.audit.iter().filter(|entry| entry.seq > after);
        let fitting = entries.filter(|entry| filter.fits(&entry.record));
        Ok(fitting.take(limit).cloned().collect())
    }

    async fn audit_head(&self) -> Result<AuditHead> {
        Ok(self.state().audit_head())
    }
}
