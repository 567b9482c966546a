//! Where the audit log is kept.

use async_trait::async_trait;

use crate::Result;
use crate::audit::{AuditEntry, AuditFilter, AuditHead, AuditRecord};
use crate::content::{Page, PageRequest};

/// One chain for all engines on the store. Ports whose changes are audited take the record with the
/// change, and append it in the same transaction; this one is for all others, and for readers.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Puts the record at the end of the chain. Any number of callers at once make one chain.
    async fn append_audit(&self, record: &AuditRecord) -> Result<()>;
    /// Newest first.
    async fn list_audit(&self, filter: &AuditFilter, page: PageRequest)
    -> Result<Page<AuditEntry>>;
    /// Oldest first, those after the place `after`, at most `limit`.
    async fn audit_after(
        &self,
        filter: &AuditFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<AuditEntry>>;
    /// The end of the chain.
    async fn audit_head(&self) -> Result<AuditHead>;
}
