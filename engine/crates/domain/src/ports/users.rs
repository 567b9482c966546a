//! Where accounts and their sign-ins are kept. Every write is one transaction, with its entries in the audit log,
//! and durable once it returns.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::{SessionId, UserId};
use crate::principal::{Account, SeenFrom, Session, User};

/// What the store knows a refresh token by that was shown. Hashes are SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownToken {
    pub token_hash: [u8; 32],
    /// Of the part that all tokens of a sign-in share; `None` for tokens that have none.
    pub family_hash: Option<[u8; 32]>,
}

/// What became of a refresh token that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// It is spent now, and the new one stands.
    Rotated(Session),
    /// Nobody has it, or it ran out, or its family was ended.
    Unknown,
    /// It was spent before: its whole family is ended now.
    Reused { user: UserId, family: SessionId },
}

/// The token that comes after one that was shown. Hashes are SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    pub id: SessionId,
    pub token_hash: [u8; 32],
    /// The same as that of the token that was shown, if that has one.
    pub family_hash: [u8; 32],
    pub expires_at: DateTime<Utc>,
    pub seen: SeenFrom,
}

/// What is written down where a spent token is shown: of whom, and of which sign-in.
pub type TellReuse<'t> = &'t (dyn Fn(UserId, SessionId) -> AuditRecord + Send + Sync);

/// Which sign-ins of a user end, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// This one goes on.
    pub but: Option<SessionId>,
    pub at: DateTime<Utc>,
}

impl Ending {
    /// All of them.
    pub fn all(at: DateTime<Utc>) -> Self {
        Self { but: None, at }
    }
}

/// A password that takes the place of another.
#[derive(Clone, Copy)]
pub struct NewPassword<'p> {
    pub hash: &'p str,
    /// The hash that the old password was checked against; `None` where nobody had to show it.
    pub instead_of: Option<&'p str>,
    pub ending: Ending,
}

#[async_trait]
pub trait UserStore: Send + Sync {
    /// `already_exists` where the e-mail is taken. An account that nobody has verified and nobody has disabled
    /// takes nothing: it is gone then, with the tokens that were sent for it.
    async fn create_user(&self, account: Account, audit: &AuditRecord) -> Result<()>;
    async fn account_by_email(&self, email: &str) -> Result<Option<Account>>;
    async fn user(&self, id: UserId) -> Result<Option<User>>;
    async fn account(&self, id: UserId) -> Result<Option<Account>>;
    async fn count_users(&self) -> Result<u64>;
    /// Newest first.
    async fn list_users(&self, page: PageRequest) -> Result<Page<User>>;
    /// Replaces name, role, verification and disabling if the stored revision is `user.revision - 1`,
    /// else `revision_mismatch`; `not_found` where there is no such user. One change may be several acts,
    /// or none that is written down. Returns the families that end with it.
    async fn update_user(
        &self,
        user: &User,
        ending: Option<Ending>,
        audit: &[AuditRecord],
    ) -> Result<Vec<SessionId>>;
    /// Returns the families that end with it. `not_found` where there is no such user, `invalid_credentials` where
    /// the stored hash is not the one it comes instead of.
    async fn set_password_hash(
        &self,
        user: UserId,
        new: NewPassword<'_>,
        audit: &AuditRecord,
    ) -> Result<Vec<SessionId>>;
    /// The same password, hashed anew: `false`, and nothing changed, where the stored hash is not `old` any more.
    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<bool>;
    /// Accounts made before that time that nobody has verified and nobody has disabled, at most `limit`.
    async fn unverified_before(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<User>>;
    /// Removes such an account with the tokens that were sent for it; `false` where it is none by now.
    async fn remove_unverified(&self, user: UserId, audit: &AuditRecord) -> Result<bool>;

    /// Returns the user as they are in this moment. `invalid_credentials` where they are gone or disabled, or their
    /// hash is not the one that their password was `checked` against (`None` where they showed none).
    async fn create_session(
        &self,
        session: Session,
        checked: Option<&str>,
        audit: &AuditRecord,
    ) -> Result<User>;
    /// Spends a token and stores its successor, both or neither. Exactly one of several concurrent callers gets
    /// `Rotated`. Of a family no more is kept than its last token: what has its shared part and is not that was
    /// spent before.
    async fn rotate_session(
        &self,
        shown: ShownToken,
        successor: Successor,
        now: DateTime<Utc>,
        tell: TellReuse<'_>,
    ) -> Result<Rotation>;
    /// Of every sign-in that goes on at `now` the session whose token is not spent, newest sign-in first.
    async fn sessions(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>>;
    /// Ends the family.
    async fn end_family(
        &self,
        family: SessionId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// Returns the families that end.
    async fn end_sessions(
        &self,
        user: UserId,
        ending: Ending,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<SessionId>>;
    /// Families that were ended after that time, those that ended last, at most `limit`.
    async fn ended_since(&self, since: DateTime<Utc>, limit: usize) -> Result<Vec<SessionId>>;
    /// Drops at most `limit` of what has expired at `now`. How many.
    async fn forget_sessions(&self, now: DateTime<Utc>, limit: usize) -> Result<u64>;
}
