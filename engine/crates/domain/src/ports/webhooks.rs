//! Where webhooks and what is sent to them are kept.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::{EventId, WebhookId};
use crate::webhook::{ClaimedDelivery, Delivery, Reached, Settlement, Webhook};

/// The tries that are kept of a delivery.
pub const KEPT_TRIES: usize = 20;

#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// With its entry in the audit log. `already_exists` for a known id.
    async fn create_webhook(&self, webhook: &Webhook, audit: &AuditRecord) -> Result<()>;
    /// Replaces it if the stored revision is `webhook.revision - 1`, else `revision_mismatch`; `not_found`
    /// where there is none.
    async fn update_webhook(&self, webhook: &Webhook, audit: &AuditRecord) -> Result<()>;
    /// Its deliveries stay until `forget_deliveries_of` is asked; `not_found` where there is none.
    async fn remove_webhook(&self, id: WebhookId, audit: &AuditRecord) -> Result<()>;
    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>>;
    /// Those of a project, or those of none, newest first.
    async fn list_webhooks(
        &self,
        project: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Webhook>>;
    /// All that are told something, by id.
    async fn enabled_webhooks(&self) -> Result<Vec<Webhook>>;
    /// Notes what a try taught of it: since when nothing reaches it. Where it says that it is gone, or nothing
    /// has reached it for `disable_after`, it is disabled and this is told, in one step; true where that was
    /// here. Goes by what is stored now, and does nothing where somebody changed or disabled it since
    /// `webhook` was read, or removed it. The revision rises only where it is disabled.
    async fn note_reached(
        &self,
        webhook: &Webhook,
        reached: Reached,
        disable_after: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<bool>;

    /// Puts messages up for delivery; those that are there already stay as they are.
    async fn put_deliveries(&self, deliveries: &[Delivery]) -> Result<()>;
    /// Takes one that is due, and keeps others off it for `lease`. No delivery is in two hands. Webhooks take
    /// turns, whatever waits for each; of one webhook no more than `most` are in hands at a time, a single one
    /// since it was held and until it takes one, and none while it is held.
    async fn claim_delivery(
        &self,
        lease: Duration,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDelivery>>;
    /// Notes a try and what is next. `lease_lost` where another engine has claimed it since; nothing where
    /// the webhook is gone.
    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<()>;
    /// A webhook that is held may be tried at once; nothing where it is not.
    async fn release_deliveries(&self, webhook: WebhookId, now: DateTime<Utc>) -> Result<()>;
    /// Newest message first.
    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>>;
    /// Begins a delivery anew, and releases its webhook; `not_found` where there is none.
    async fn redeliver(
        &self,
        webhook: WebhookId,
        event: EventId,
        now: DateTime<Utc>,
    ) -> Result<Delivery>;
    /// Forgets up to `limit` deliveries that were made before that instant and have ended. How many.
    async fn forget_deliveries(&self, before: DateTime<Utc>, limit: usize) -> Result<u64>;
    /// Forgets up to `limit` deliveries of a webhook, whatever their state. How many.
    async fn forget_deliveries_of(&self, webhook: WebhookId, limit: usize) -> Result<u64>;
}
