//! Who people are at other issuers.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::ids::UserId;
use crate::people::Identity;
use crate::principal::Account;

/// Kept beside accounts. Every write is one transaction, with its entry in the audit log, and durable once
/// it returns.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// `already_exists` where issuer and subject are linked, to whomever.
    async fn link_identity(&self, identity: &Identity, audit: &AuditRecord) -> Result<()>;
    /// Creates the account and links it, both or neither: `already_exists` where the e-mail is taken, or the
    /// identity linked.
    async fn create_linked_user(
        &self,
        account: Account,
        identity: &Identity,
        audit: &AuditRecord,
    ) -> Result<()>;
    async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<Identity>>;
    /// By issuer and subject.
    async fn identities(&self, user: UserId) -> Result<Vec<Identity>>;
    /// Whatever is linked to this user at this issuer; `not_found` where nothing is.
    async fn unlink_identity(&self, user: UserId, issuer: &str, audit: &AuditRecord) -> Result<()>;
}
