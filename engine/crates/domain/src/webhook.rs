//! Webhooks: addresses of others that are told what happens, by Standard Webhooks.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::{EventKind, Told};
use crate::ids::{EventId, UserId, WebhookId};

/// An address, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    /// Slug of the project whose events it is told; `None` is all that happens here.
    pub project: Option<String>,
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Empty for all types.
    pub kinds: Vec<EventKind>,
    /// What deliveries are signed with: each of them, as long as it holds. Newest last.
    pub secrets: Vec<WebhookSecret>,
    /// Who made it, and hears of its failures.
    pub owner: UserId,
    /// It is told nothing while it is false, but for pings.
    pub is_enabled: bool,
    /// Since when nothing has reached it.
    pub failing_since: Option<DateTime<Utc>>,
    /// 1 at creation, one more with every change by somebody, and where it is disabled.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A secret of a webhook, encrypted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecret {
    pub sealed: Vec<u8>,
    pub created_at: DateTime<Utc>,
    /// After that nothing is signed with it.
    pub expires_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for WebhookSecret {
    /// Without the secret, sealed or not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecret")
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// Whether it asks for this. Whether it may be told of it is another question.
    pub fn takes(&self, told: &Told) -> bool {
        let kind = told.event.body.kind();
        let is_near = self.project.is_none() || self.project == told.scope.project;
        self.is_enabled && is_near && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is under way, or will be tried again.
    Pending,
    Delivered,
    /// Nobody tries any more.
    Failed,
}

impl DeliveryState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// One message to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub webhook: WebhookId,
    /// The message's id, the same on every try. A ping has one of its own.
    pub event: EventId,
    /// The event's type, or `webhook.ping`.
    pub kind: String,
    /// The body as it is signed and sent.
    pub payload: String,
    pub state: DeliveryState,
    /// When it is tried next.
    pub next_at: DateTime<Utc>,
    /// How often it was tried since it was last begun.
    pub attempts: u32,
    /// The newest tries, oldest first.
    pub tries: Vec<DeliveryTry>,
    pub created_at: DateTime<Utc>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryTry {
    pub at: DateTime<Utc>,
    /// What was answered, if anything was.
    pub status: Option<u16>,
    /// Why it failed; a name of `codes.rs`.
    pub error: Option<String>,
    pub elapsed_ms: u64,
}

/// A delivery in the hands of an engine. `fence` rises with every claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Its `next_at` is the end of the lease.
    pub delivery: Delivery,
    pub fence: u64,
    /// Of its webhook, as [`Pace::Held`] left them.
    pub failures: u32,
}

/// What became of a claimed delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub tried: DeliveryTry,
    pub state: DeliveryState,
    pub next_at: DateTime<Utc>,
    pub pace: Pace,
}

/// How the other messages of its webhook go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It keeps nobody waiting, or nothing was learned of it.
    AsBefore,
    /// It takes messages: as many at a time as may be.
    Full,
    /// It keeps senders waiting: one at a time, and none before that instant. `failures` is more than none, and
    /// rises until it takes one again.
    Held { until: DateTime<Utc>, failures: u32 },
}

/// What a try taught of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    Yes,
    No,
    /// It says that it will never take anything again.
    Gone,
}
