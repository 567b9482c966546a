//! Where it is kept what people are told, and what they want to hear.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::content::{Page, PageRequest};
use crate::ids::{NotificationId, UserId};
use crate::notification::{ClaimedDigest, Notification, NotificationFilter, NotificationSettings};

#[async_trait]
pub trait NotificationStore: Send + Sync {
    /// Tells people; who was told of the same already, by [`Notification::once`], is not told again.
    async fn put_notifications(&self, notifications: &[Notification]) -> Result<()>;
    /// Newest first.
    async fn list_notifications(
        &self,
        user: UserId,
        filter: NotificationFilter,
        page: PageRequest,
    ) -> Result<Page<Notification>>;
    /// One of theirs.
    async fn notification(&self, user: UserId, id: NotificationId) -> Result<Option<Notification>>;
    async fn count_unread(&self, user: UserId) -> Result<u64>;
    /// Notes that one of theirs is read, since `read_at`, or is not. What was read stays read since then.
    /// `not_found` where they have no such one.
    async fn mark_notification(
        &self,
        user: UserId,
        id: NotificationId,
        read_at: Option<DateTime<Utc>>,
    ) -> Result<Notification>;
    /// All of theirs that are unread, up to and with `through`. How many.
    async fn mark_all_read(
        &self,
        user: UserId,
        through: Option<NotificationId>,
        read_at: DateTime<Utc>,
    ) -> Result<u64>;
    /// Forgets up to `limit` that tell of what was before that instant, read or not. How many.
    async fn forget_notifications(&self, before: DateTime<Utc>, limit: usize) -> Result<u64>;

    /// `None` where they never said anything.
    async fn notification_settings(&self, user: UserId) -> Result<Option<NotificationSettings>>;
    /// Those of these people who said something, in no order.
    async fn notification_settings_of(&self, users: &[UserId])
    -> Result<Vec<NotificationSettings>>;
    /// Replaces them if the stored revision is `settings.revision - 1` (0 where there are none), else
    /// `revision_mismatch`. The next digest is due at `digest_at`; a claimed one is lost.
    async fn put_notification_settings(
        &self,
        settings: &NotificationSettings,
        digest_at: Option<DateTime<Utc>>,
    ) -> Result<()>;
    /// Takes a digest that is due, and keeps others off it for `lease`. No digest is in two hands.
    async fn claim_digest(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDigest>>;
    /// It has told of all up to `after`. `lease_lost` where another engine has claimed it since, or the
    /// settings were changed.
    async fn settle_digest(
        &self,
        claimed: &ClaimedDigest,
        after: Option<NotificationId>,
        next_at: DateTime<Utc>,
    ) -> Result<()>;
}
