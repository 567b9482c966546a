//! Webhooks, and what was sent to them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::ids::{UserId, WebhookId};
use inkstone_domain::webhook::{Delivery, DeliveryState, DeliveryTry, Webhook};
use inkstone_services::webhooks::{NewWebhook, WebhookPatch, WithSecret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::kinds_of;

/// A day, in seconds.
const DEFAULT_OVERLAP_S: u64 = 24 * 3600;

/// A webhook to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhookBody {
    /// `https://…`, at most 2,000 bytes. It is never followed elsewhere.
    #[schema(example = "https://example.org/hooks/inkstone")]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Types of events; empty or left out for all.
    #[serde(default)]
    #[schema(example = json!(["article.created", "article.updated"]))]
    pub types: Vec<String>,
}

/// What is to be otherwise. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookPatchBody {
    #[serde(default)]
    #[schema(example = "https://example.org/hooks/inkstone")]
    pub url: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// True begins anew with one that was disabled.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// How a secret takes the place of those before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretRotationBody {
    /// For how long deliveries are signed with the secrets of before, too; at most 30 days. Default: 86400
    #[serde(default)]
    #[schema(maximum = 2_592_000)]
    pub overlap_s: Option<u64>,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookReply {
    #[schema(value_type = String, example = "whk_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: WebhookId,
    /// Slug of the project; null for one that is told all that happens.
    pub project: Option<String>,
    pub url: String,
    pub description: String,
    /// Empty for all types.
    pub types: Vec<&'static str>,
    /// What deliveries are signed with. The secrets themselves were shown when they were made.
    pub secrets: Vec<SecretReply>,
    /// Who made it.
    #[schema(value_type = String, example = "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub owner: UserId,
    pub enabled: bool,
    /// Since when nothing has reached it; null where it is well.
    pub failing_since: Option<DateTime<Utc>>,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// When a secret was made, and until when it holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretReply {
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A webhook with a new secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewWebhookReply {
    /// `whsec_…`, for the receiver. It is shown this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: String,
    pub webhook: WebhookReply,
}

/// A message, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryReply {
    /// The message's id, as `webhook-id`: the same on each try.
    #[schema(example = "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub event: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// `pending`, `delivered` or `failed`.
    pub state: &'static str,
    /// When it is tried next; null where it has ended.
    pub next_at: Option<DateTime<Utc>>,
    /// Tries since it was last begun.
    pub attempts: u32,
    /// The newest 20 tries, oldest first.
    pub tries: Vec<TryReply>,
    /// The body as it is sent.
    pub payload: String,
    pub created_at: DateTime<Utc>,
}

/// A try.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TryReply {
    pub at: DateTime<Utc>,
    /// What was answered, if anything was.
    pub status: Option<u16>,
    /// Why it failed: a code as in errors.
    pub error: Option<String>,
    pub elapsed_ms: u64,
}

impl NewWebhookBody {
    pub(crate) fn into_domain(self) -> Result<NewWebhook> {
        Ok(NewWebhook {
            kinds: kinds_of(self.types.iter().map(String::as_str), "/types")?,
            url: self.url,
            description: self.description,
        })
    }
}

impl WebhookPatchBody {
    pub(crate) fn into_domain(self) -> Result<WebhookPatch> {
        let kinds = self
            .types
            .map(|types| kinds_of(types.iter().map(String::as_str), "/types"));
        Ok(WebhookPatch {
            kinds: kinds.transpose()?,
            url: self.url,
            description: self.description,
            is_enabled: self.enabled,
        })
    }
}

impl SecretRotationBody {
    pub(crate) fn overlap(&self) -> Duration {
        const LONGEST_S: u64 = 30 * 24 * 3600;
        let seconds = self.overlap_s.unwrap_or(DEFAULT_OVERLAP_S);
        Duration::from_secs(seconds.min(LONGEST_S))
    }
}

impl From<Webhook> for WebhookReply {
    fn from(webhook: Webhook) -> Self {
        let secrets = webhook.secrets.iter().map(|secret| SecretReply {
            created_at: secret.created_at,
            expires_at: secret.expires_at,
        });
        Self {
            secrets: secrets.collect(),
            types: webhook.kinds.iter().map(|kind| kind.as_str()).collect(),
            id: webhook.id,
            project: webhook.project,
            url: webhook.url,
            description: webhook.description,
            owner: webhook.owner,
            enabled: webhook.is_enabled,
            failing_since: webhook.failing_since,
            revision: webhook.revision,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

impl From<WithSecret> for NewWebhookReply {
    fn from(WithSecret { webhook, secret }: WithSecret) -> Self {
        Self {
            secret,
            webhook: webhook.into(),
        }
    }
}

impl From<Delivery> for DeliveryReply {
    fn from(delivery: Delivery) -> Self {
        let is_open = delivery.state == DeliveryState::Pending;
        Self {
            event: delivery.event.to_string(),
            kind: delivery.kind,
            state: delivery.state.as_str(),
            next_at: is_open.then_some(delivery.next_at),
            attempts: delivery.attempts,
            tries: delivery.tries.into_iter().map(Into::into).collect(),
            payload: delivery.payload,
            created_at: delivery.created_at,
        }
    }
}

impl From<DeliveryTry> for TryReply {
    fn from(tried: DeliveryTry) -> Self {
        Self {
            at: tried.at,
            status: tried.status,
            error: tried.error,
            elapsed_ms: tried.elapsed_ms,
        }
    }
}
