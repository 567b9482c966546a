//! The suite of [`WebhookStore`].

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::event::{EventBody, EventKind, ScopedEvent};
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{AuditLog, EventLog, KEPT_TRIES, WebhookStore};
use inkstone_domain::webhook::{Delivery, DeliveryState, DeliveryTry, Webhook};

use super::events::number_all;
use super::{CROWD, assert_code};
use crate::sample;

const LEASE: Duration = Duration::from_secs(60);

/// The store must hold no delivery that is due.
pub async fn run(store: &dyn WebhookStore, log: &dyn AuditLog, events: &dyn EventLog) {
    keeps_webhooks(store, log).await;
    notes_how_they_are_doing(store, events).await;
    each_message_is_put_up_once(store).await;
    one_hand_at_a_time_has_a_delivery(store).await;
    tries_are_kept_and_old_ones_forgotten(store).await;
}

async fn keeps_webhooks(store: &dyn WebhookStore, log: &dyn AuditLog) {
    let project = sample::project().slug;
    let first = sample::webhook(Some(&project));
    let audit = sample::audit(first.owner);
    store.create_webhook(&first, &audit).await.unwrap();
    assert_eq!(store.webhook(first.id).await.unwrap(), Some(first.clone()));
    let again = store.create_webhook(&first, &audit).await;
    assert_code(again, &codes::ALREADY_EXISTS);
    let next = Webhook {
        url: "https://example.org/other".to_owned(),
        kinds: vec![EventKind::ArticleUpdated, EventKind::JobFailed],
        revision: 2,
        ..first.clone()
    };
    store.update_webhook(&next, &audit).await.unwrap();
    let late = store.update_webhook(&next, &audit).await;
    assert_code(late, &codes::REVISION_MISMATCH);
    assert_eq!(store.webhook(first.id).await.unwrap(), Some(next.clone()));
    let everywhere = sample::webhook(None);
    store.create_webhook(&everywhere, &audit).await.unwrap();
    let page = || sample::first_page(10);
    let listed = store.list_webhooks(Some(&project), page()).await.unwrap();
    assert_eq!(listed.items, [next]);
    let listed = store.list_webhooks(None, page()).await.unwrap();
    assert!(listed.items.contains(&everywhere));
    assert!(listed.items.iter().all(|one| one.project.is_none()));

    let of_both = [first.id, first.id, first.id, everywhere.id];
    let deliveries = of_both.map(|webhook| delivery(webhook, sample::now()));
    store.put_deliveries(&deliveries).await.unwrap();
    store.remove_webhook(first.id, &audit).await.unwrap();
    assert_eq!(store.webhook(first.id).await.unwrap(), None);
    for gone in [2, 1, 0] {
        let forgotten = store.forget_deliveries_of(first.id, 2).await.unwrap();
        assert_eq!(forgotten, gone);
    }
    let others = store.list_deliveries(everywhere.id, page()).await.unwrap();
    assert_eq!(others.items.len(), 1);
    store.forget_deliveries_of(everywhere.id, 2).await.unwrap();
    let gone = store.remove_webhook(first.id, &audit).await;
    assert_code(gone, &codes::NOT_FOUND);
    let entries = super::audit::whole_chain(log).await;
    let own = entries
        .iter()
        .filter(|entry| entry.record.actor == Some(first.owner));
    assert_eq!(own.count(), 4);
}

async fn notes_how_they_are_doing(store: &dyn WebhookStore, events: &dyn EventLog) {
    let begin = number_all(events).await;
    let webhook = stored(store).await;
    let since = sample::now();
    store
        .mark_webhook(webhook.id, Some(since), true, None)
        .await
        .unwrap();
    let marked = store.webhook(webhook.id).await.unwrap().unwrap();
    assert_eq!(
        (marked.failing_since, marked.revision),
        (Some(since), webhook.revision)
    );
    let enabled = store.enabled_webhooks().await.unwrap();
    assert!(enabled.contains(&marked));
    // Who disables it again changes nothing, so it is told once.
    for _ in 0..2 {
        let event = ScopedEvent::webhook_disabled(&webhook, since);
        store
            .mark_webhook(webhook.id, Some(since), false, Some(&event))
            .await
            .unwrap();
    }
    number_all(events).await;
    let told = events.told_after(begin, 100).await.unwrap();
    let own = told.iter().filter(|told| {
        told.event.body
            == EventBody::WebhookDisabled {
                webhook: webhook.id,
            }
            && told.scope.project == webhook.project
            && told.scope.owner == Some(webhook.owner)
    });
    assert_eq!(own.count(), 1);
    let enabled = store.enabled_webhooks().await.unwrap();
    assert!(enabled.iter().all(|one| one.id != webhook.id));
    store
        .mark_webhook(WebhookId::new(), None, true, None)
        .await
        .unwrap();
}

async fn each_message_is_put_up_once(store: &dyn WebhookStore) {
    let webhook = stored(store).await;
    let now = sample::now();
    let first = delivery(webhook.id, now);
    let puts = (0..CROWD).map(|_| async {
        store
            .put_deliveries(std::slice::from_ref(&first))
            .await
            .unwrap();
    });
    join_all(puts).await;
    let claimed = store.claim_delivery(LEASE, now).await.unwrap().unwrap();
    assert_eq!(claimed.delivery.event, first.event);
    assert_eq!(claimed.delivery.payload, first.payload);
    let done = DeliveryState::Delivered;
    store
        .settle_delivery(&claimed, &tried(), done, now)
        .await
        .unwrap();
    // What is put up again is not sent again.
    store.put_deliveries(&[first]).await.unwrap();
    assert_eq!(store.claim_delivery(LEASE, now).await.unwrap(), None);
}

async fn one_hand_at_a_time_has_a_delivery(store: &dyn WebhookStore) {
    let webhook = stored(store).await;
    let now = sample::now();
    let one = delivery(webhook.id, now);
    let later = delivery(webhook.id, now + TimeDelta::hours(1));
    store
        .put_deliveries(&[one.clone(), later.clone()])
        .await
        .unwrap();
    let claims = join_all((0..CROWD).map(|_| store.claim_delivery(LEASE, now))).await;
    let claims = claims.into_iter().filter_map(|claim| claim.unwrap());
    let claims: Vec<_> = claims.collect();
    assert_eq!(claims.len(), 1);
    let stalled = &claims[0];
    assert_eq!(stalled.delivery.attempts, 1);

    // A lease that ran out.
    let then = now + LEASE * 2;
    let other = store.claim_delivery(LEASE, then).await.unwrap().unwrap();
    assert_eq!(other.delivery.event, one.event);
    let done = DeliveryState::Delivered;
    let late = store.settle_delivery(stalled, &tried(), done, then).await;
    assert_code(late, &codes::LEASE_LOST);
    store
        .settle_delivery(&other, &tried(), done, then)
        .await
        .unwrap();
    let twice = store.settle_delivery(&other, &tried(), done, then).await;
    assert_code(twice, &codes::LEASE_LOST);

    let begun = store.redeliver(webhook.id, one.event, then).await.unwrap();
    assert_eq!((begun.state, begun.attempts), (DeliveryState::Pending, 0));
    let again = store.claim_delivery(LEASE, then).await.unwrap().unwrap();
    assert_eq!(again.delivery.event, one.event);
    let failed = DeliveryState::Failed;
    store
        .settle_delivery(&again, &tried(), failed, then)
        .await
        .unwrap();
    let unknown = store.redeliver(webhook.id, EventId::new(), then).await;
    assert_code(unknown, &codes::NOT_FOUND);
    let mut page = sample::first_page(1);
    let newest = store.list_deliveries(webhook.id, page.clone()).await;
    let newest = newest.unwrap();
    assert_eq!(newest.items, [later]);
    page.cursor = newest.next_cursor;
    let rest = store.list_deliveries(webhook.id, page).await.unwrap();
    assert_eq!(rest.items[0].state, DeliveryState::Failed);
    assert_eq!(rest.items[0].tries.len(), 2);
}

async fn tries_are_kept_and_old_ones_forgotten(store: &dyn WebhookStore) {
    let webhook = stored(store).await;
    let now = sample::now();
    let one = delivery(webhook.id, now);
    store.put_deliveries(&[one]).await.unwrap();
    for number in 0..KEPT_TRIES + 3 {
        let claimed = store.claim_delivery(LEASE, now).await.unwrap().unwrap();
        let tried = DeliveryTry {
            elapsed_ms: number as u64,
            ..tried()
        };
        let pending = DeliveryState::Pending;
        store
            .settle_delivery(&claimed, &tried, pending, now)
            .await
            .unwrap();
    }
    let page = || sample::first_page(9);
    let kept = store.list_deliveries(webhook.id, page()).await.unwrap();
    let elapsed: Vec<u64> = kept.items[0].tries.iter().map(|it| it.elapsed_ms).collect();
    assert_eq!(elapsed.len(), KEPT_TRIES);
    assert_eq!(elapsed.last(), Some(&(KEPT_TRIES as u64 + 2)));

    let future = now + TimeDelta::days(1);
    while store.forget_deliveries(future, 2).await.unwrap() > 0 {}
    let open = store.list_deliveries(webhook.id, page()).await.unwrap();
    assert_eq!(open.items.len(), 1);
    let claimed = store.claim_delivery(LEASE, now).await.unwrap().unwrap();
    let failed = DeliveryState::Failed;
    store
        .settle_delivery(&claimed, &tried(), failed, now)
        .await
        .unwrap();
    assert_eq!(store.forget_deliveries(now, 9).await.unwrap(), 0);
    assert_eq!(store.forget_deliveries(future, 9).await.unwrap(), 1);
}

async fn stored(store: &dyn WebhookStore) -> Webhook {
    let webhook = sample::webhook(Some("handbook"));
    let audit = sample::audit(webhook.owner);
    store.create_webhook(&webhook, &audit).await.unwrap();
    webhook
}

fn delivery(webhook: WebhookId, next_at: DateTime<Utc>) -> Delivery {
    Delivery {
        webhook,
        event: EventId::new(),
        kind: "article.created".to_owned(),
        payload: r#"{"type":"article.created"}"#.to_owned(),
        state: DeliveryState::Pending,
        next_at,
        attempts: 0,
        tries: Vec::new(),
        created_at: sample::now(),
    }
}

fn tried() -> DeliveryTry {
    DeliveryTry {
        at: sample::now(),
        status: Some(503),
        error: Some("upstream_error".to_owned()),
        elapsed_ms: 3,
    }
}
