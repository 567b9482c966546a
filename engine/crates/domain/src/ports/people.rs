//! What people need beside their accounts: where their invitations, tokens, second factors and keys are
//! kept, how mail reaches them, and where the keys of access tokens lie.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::api_key::ApiKey;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::{ApiKeyId, InvitationId, UserId};
use crate::people::{Invitation, Mail, MailPurpose, MailToken, SecondFactor, StoredSigningKey};
use crate::principal::Account;

/// Kept beside accounts. Every write is one transaction, with its entry in the audit log, and durable once
/// it returns.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// In place of an older one for the same address.
    async fn put_invitation(&self, invitation: &Invitation, audit: &AuditRecord) -> Result<()>;
    /// `None` where there is none, or it has expired at `now`.
    async fn invitation_by_token(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<Invitation>>;
    /// Newest first, expired ones too.
    async fn invitations(&self, page: PageRequest) -> Result<Page<Invitation>>;
    /// `not_found` where there is none.
    async fn remove_invitation(&self, id: InvitationId, audit: &AuditRecord) -> Result<()>;
    /// Creates the account and removes the invitation, both or neither: `not_found` where the invitation
    /// is gone, `already_exists` where the e-mail is taken.
    async fn accept_invitation(
        &self,
        id: InvitationId,
        account: Account,
        audit: &AuditRecord,
    ) -> Result<()>;

    /// In place of an older one of the same user for the same purpose.
    async fn put_mail_token(&self, token: &MailToken) -> Result<()>;
    /// `None` where there is none for this purpose, or it has expired at `now`.
    async fn mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>>;
    /// Takes it away. Exactly one of several concurrent callers gets it.
    async fn spend_mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>>;

    async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>>;
    /// In place of an older one.
    async fn put_second_factor(
        &self,
        factor: &SecondFactor,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    async fn remove_second_factor(&self, user: UserId, audit: Option<&AuditRecord>) -> Result<()>;
    /// Spends a time step: `false` where it or one after it was spent before. Exactly one of
    /// several concurrent callers gets `true`.
    async fn spend_step(&self, user: UserId, step: u64) -> Result<bool>;
    /// Whether it was there; it is gone now. Exactly one of several concurrent callers gets `true`.
    async fn spend_recovery_code(&self, user: UserId, code_hash: [u8; 32]) -> Result<bool>;

    /// `already_exists` for a known id.
    async fn create_api_key(&self, key: &ApiKey, audit: &AuditRecord) -> Result<()>;
    /// `not_found` where there is none.
    async fn remove_api_key(&self, id: ApiKeyId, audit: &AuditRecord) -> Result<()>;
    /// All keys, expired ones too, by id.
    async fn api_keys(&self) -> Result<Vec<ApiKey>>;
}

/// How mail reaches people.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands the mail over. What stands in its fields can never become a header of its own.
    async fn send(&self, mail: &Mail) -> Result<()>;
}

/// Where the keys of access tokens outlive the process.
pub trait SigningKeyStore: Send + Sync {
    /// The one that signs first, then retired ones.
    fn signing_keys(&self) -> Result<Vec<StoredSigningKey>>;
    /// Replaces them all. The first one signs from now on.
    fn put_signing_keys(&self, keys: &[StoredSigningKey]) -> Result<()>;
}
