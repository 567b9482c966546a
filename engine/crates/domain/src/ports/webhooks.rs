//! Where webhooks and what is sent to them are kept.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::event::ScopedEvent;
use crate::ids::{EventId, WebhookId};
use crate::webhook::{ClaimedDelivery, Delivery, DeliveryState, DeliveryTry, Webhook};

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
    /// Notes how it is doing, unless that is known already: since when nothing reaches it, and whether it
    /// is told anything still. `event` is written where something changed. Its revision stays. Nothing where
    /// there is no such webhook.
    async fn mark_webhook(
        &self,
        id: WebhookId,
        failing_since: Option<DateTime<Utc>>,
        is_enabled: bool,
        event: Option<&ScopedEvent>,
    ) -> Result<()>;

    /// Puts messages up for delivery; those that are there already stay as they are.
    async fn put_deliveries(&self, deliveries: &[Delivery]) -> Result<()>;
    /// Takes one that is due, and keeps others off it for `lease`. No delivery is in two hands.
    async fn claim_delivery(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDelivery>>;
    /// Notes a try and what is next. `lease_lost` where another engine has claimed it since; nothing where
    /// the webhook is gone.
    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        tried: &DeliveryTry,
        state: DeliveryState,
        next_at: DateTime<Utc>,
    ) -> Result<()>;
    /// Newest message first.
    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>>;
    /// Begins a delivery anew; `not_found` where there is none.
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
