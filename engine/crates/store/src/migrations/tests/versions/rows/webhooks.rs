//! Webhooks and messages, before there were lanes and since.

use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::{EventId, WebhookId};

use super::*;

/// A webhook, and a message that waits for it in no lane.
pub(super) async fn insert_with_delivery(store: &SurrealStore, audit: &AuditRecord) {
    let webhook = sample::webhook(Some("handbook"));
    store.create_webhook(&webhook, audit).await.unwrap();
    let create = "CREATE type::record('webhook_delivery', [$webhook, $event]) CONTENT {
        webhook: $webhook,
        event: $event,
        kind: 'article.created',
        payload: '{}',
        state: 'pending',
        next_at: time::now(),
        attempts: 0,
        fence: 0,
        tries: [],
        created_at: time::now()
    } RETURN NONE";
    let statement = Statement::new(create)
        .bind("webhook", webhook.id.to_string())
        .bind("event", EventId::new().to_string());
    write(store, statement).await;
}

/// One more, as engines since then put it up.
pub(super) async fn put_delivery(store: &SurrealStore) {
    let delivery = sample::delivery(WebhookId::new(), sample::now());
    store.put_deliveries(&[delivery]).await.unwrap();
}
