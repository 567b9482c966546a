//! The audit log for services that write it and admins who read it. What changes in the database is
//! written down in the change's own transaction, by the port that makes it; what changes elsewhere goes
//! through [`Audit::around`], which writes the intent first.

use std::future::Future;
use std::sync::Arc;

use inkstone_domain::audit::{AuditEntry, AuditFilter, AuditHead, AuditRecord, Stage};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ports::AuditLog;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};

use crate::content::check_page;
use crate::policy::{Act, check_open};

/// Writes and reads the log.
#[derive(Clone)]
pub struct Audit {
    log: Arc<dyn AuditLog>,
}

/// Entries that an export reads at a time.
pub const EXPORT_BATCH: usize = 500;

impl Audit {
    pub fn new(log: Arc<dyn AuditLog>) -> Self {
        Self { log }
    }

    /// Writes down what has no transaction of its own to be written in. Call it before the act is
    /// acknowledged; where it fails, the act must not be.
    pub async fn append(&self, record: &AuditRecord) -> Result<()> {
        self.log.append_audit(record).await
    }

    /// Makes a change that is outside the database. The intent is written first, and nothing is changed
    /// where that fails; a change that fails is written down as well.
    pub async fn around<T>(
        &self,
        record: AuditRecord,
        change: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let intent = record.clone().at_stage(Stage::Intended);
        self.log.append_audit(&intent).await?;
        let done = change.await;
        if let Err(error) = &done {
            let failed = record.at_stage(Stage::Failed);
            let failed = failed.with_detail(error.code().name);
            // The change's own error says more than this one, which must not hide it.
            if let Err(unwritten) = self.log.append_audit(&failed).await {
                tracing::error!(
                    error = ?unwritten,
                    audit.action = failed.action,
                    audit.subject = failed.subject,
                    "the audit log does not say that a change failed"
                );
            }
        }
        done
    }

    /// Newest first. For admins. `unindexed_filter` for an actor and a subject together.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>> {
        check_reader(principal)?;
        check_page(&page)?;
        check_index(filter)?;
        self.log.list_audit(filter, page).await
    }

    /// The next [`EXPORT_BATCH`] entries after a place, oldest first; none at the end. For admins.
    pub async fn export(
        &self,
        principal: &Principal,
        filter: &AuditFilter,
        after: u64,
    ) -> Result<Vec<AuditEntry>> {
        check_reader(principal)?;
        check_index(filter)?;
        self.log.audit_after(filter, after, EXPORT_BATCH).await
    }

    /// The end of the chain. For admins.
    pub async fn head(&self, principal: &Principal) -> Result<AuditHead> {
        check_reader(principal)?;
        self.log.audit_head().await
    }
}

/// `unindexed_filter` for what only a look at every entry would find.
fn check_index(filter: &AuditFilter) -> Result<()> {
    if filter.actor.is_none() || filter.subject.is_none() {
        return Ok(());
    }
    let detail =
        "`filter[actor]` and `filter[subject]` have no index together; leave one of them out";
    let field = FieldError {
        pointer: "?filter".to_owned(),
        detail: detail.to_owned(),
    };
    Err(Error::new(&codes::UNINDEXED_FILTER, detail).with_fields(vec![field]))
}

fn check_reader(principal: &Principal) -> Result<()> {
    let why = "the audit log is for admins; this needs the role `admin`";
    check_open(principal, Act::ReadAudit, why)
}
