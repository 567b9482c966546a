//! Rows of `webhook` and `webhook_delivery`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::event::EventKind;
use inkstone_domain::ids::UserId;
use inkstone_domain::webhook::{ClaimedDelivery, Delivery, DeliveryState, Webhook, WebhookSecret};
use serde::{Deserialize, Serialize};
use surrealdb::types::SurrealValue;

use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, to_json, unknown_word};
use crate::times;

const WEBHOOK: &str = "webhook";
pub(super) const DELIVERY: &str = "webhook_delivery";

#[derive(SurrealValue)]
pub(super) struct WebhookRow {
    key: String,
    project: Option<String>,
    is_enabled: bool,
    failing_since: Option<DateTime<Utc>>,
    revision: u64,
    document: String,
}

/// What is neither looked for nor changed by itself.
#[derive(Serialize, Deserialize)]
struct Document {
    url: String,
    description: String,
    kinds: Vec<String>,
    secrets: Vec<WebhookSecret>,
    owner: UserId,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
pub(super) struct DeliveryRow {
    webhook: String,
    event: String,
    kind: String,
    payload: String,
    state: String,
    next_at: DateTime<Utc>,
    attempts: u32,
    fence: u64,
    tries: Vec<String>,
    created_at: DateTime<Utc>,
}

impl WebhookRow {
    pub(super) fn of(webhook: &Webhook) -> RowResult<Self> {
        let kinds = webhook.kinds.iter().map(|kind| kind.as_str().to_owned());
        let document = Document {
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            kinds: kinds.collect(),
            secrets: webhook.secrets.clone(),
            owner: webhook.owner,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        };
        Ok(Self {
            key: webhook.id.to_string(),
            project: webhook.project.clone(),
            is_enabled: webhook.is_enabled,
            failing_since: webhook.failing_since,
            revision: webhook.revision,
            document: to_json(WEBHOOK, &document)?,
        })
    }
}

impl TryFrom<WebhookRow> for Webhook {
    type Error = StoreFailure;

    fn try_from(row: WebhookRow) -> RowResult<Self> {
        let document: Document = from_json(WEBHOOK, &row.document)?;
        let kinds = document.kinds.iter();
        let kinds: RowResult<Vec<EventKind>> = kinds.map(|kind| parse(WEBHOOK, kind)).collect();
        Ok(Self {
            id: parse(WEBHOOK, &row.key)?,
            project: row.project,
            url: document.url,
            description: document.description,
            kinds: kinds?,
            secrets: document.secrets,
            owner: document.owner,
            is_enabled: row.is_enabled,
            failing_since: row.failing_since,
            revision: row.revision,
            created_at: document.created_at,
            updated_at: document.updated_at,
        })
    }
}

impl DeliveryRow {
    pub(super) fn of(delivery: &Delivery) -> RowResult<Self> {
        let tries = delivery.tries.iter().map(|one| to_json(DELIVERY, one));
        let tries: RowResult<Vec<String>> = tries.collect();
        Ok(Self {
            webhook: delivery.webhook.to_string(),
            event: delivery.event.to_string(),
            kind: delivery.kind.clone(),
            payload: delivery.payload.clone(),
            state: delivery.state.as_str().to_owned(),
            next_at: times::exact(delivery.next_at),
            attempts: delivery.attempts,
            fence: 0,
            tries: tries?,
            created_at: delivery.created_at,
        })
    }
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreFailure;

    fn try_from(row: DeliveryRow) -> RowResult<Self> {
        let state = match row.state.as_str() {
            "pending" => DeliveryState::Pending,
            "delivered" => DeliveryState::Delivered,
            "failed" => DeliveryState::Failed,
            other => return Err(unknown_word(DELIVERY, "state", other)),
        };
        let tries = row.tries.iter().map(|text| from_json(DELIVERY, text));
        let tries: RowResult<Vec<_>> = tries.collect();
        Ok(Self {
            webhook: parse(DELIVERY, &row.webhook)?,
            event: parse(DELIVERY, &row.event)?,
            kind: row.kind,
            payload: row.payload,
            state,
            next_at: row.next_at,
            attempts: row.attempts,
            tries: tries?,
            created_at: row.created_at,
        })
    }
}

impl DeliveryRow {
    /// `failures` are those of its lane.
    pub(super) fn claimed(self, failures: u32) -> RowResult<ClaimedDelivery> {
        let fence = self.fence;
        Ok(ClaimedDelivery {
            delivery: self.try_into()?,
            fence,
            failures,
        })
    }
}
