//! Webhooks, and messages to them.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{EventId, UserId, WebhookId};
use inkstone_domain::webhook::{Delivery, DeliveryState, Webhook, WebhookSecret};

use super::now;

/// A message that waits.
pub fn delivery(webhook: WebhookId, next_at: DateTime<Utc>) -> Delivery {
    Delivery {
        webhook,
        event: EventId::new(),
        kind: "article.created".to_owned(),
        payload: r#"{"type":"article.created"}"#.to_owned(),
        state: DeliveryState::Pending,
        next_at,
        attempts: 0,
        tries: Vec::new(),
        created_at: now(),
    }
}

/// One that is told everything of a project, or of all of them.
pub fn webhook(project: Option<&str>) -> Webhook {
    let secret = WebhookSecret {
        sealed: vec![7; 72],
        created_at: now(),
        expires_at: None,
    };
    Webhook {
        id: WebhookId::new(),
        project: project.map(str::to_owned),
        url: "https://example.org/hook".to_owned(),
        description: "ours".to_owned(),
        kinds: Vec::new(),
        secrets: vec![secret],
        owner: UserId::new(),
        is_enabled: true,
        failing_since: None,
        revision: 1,
        created_at: now(),
        updated_at: now(),
    }
}
