//! The suite of [`WebhookStore`].

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::event::{EventBody, EventKind};
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{AuditLog, EventLog, KEPT_TRIES, WebhookStore};
use inkstone_domain::webhook::{
    ClaimedDelivery, Delivery, DeliveryState, DeliveryTry, Pace, Reached, Settlement, Webhook,
};

use super::events::number_all;
use super::{CROWD, assert_code};
use crate::sample::{self, delivery};

const LEASE: Duration = Duration::from_secs(60);
/// Of one webhook at a time.
const MOST: usize = 2;
const DISABLE_AFTER: TimeDelta = TimeDelta::days(5);

/// The store must hold no delivery that is due.
pub async fn run(store: &dyn WebhookStore, log: &dyn AuditLog, events: &dyn EventLog) {
    keeps_webhooks(store, log).await;
    notes_how_they_are_doing(store, events).await;
    each_message_is_put_up_once(store).await;
    one_hand_at_a_time_has_a_delivery(store).await;
    tries_are_kept_and_old_ones_forgotten(store).await;
    webhooks_take_turns_and_none_has_all_hands(store).await;
    one_that_fails_is_held_until_it_takes_something(store).await;
    what_is_held_is_released_for_whoever_asks(store).await;
    a_hand_that_is_gone_gives_its_place_back(store).await;
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
    let note = |webhook: Webhook, reached, now| async move {
        let noted = store.note_reached(&webhook, reached, DISABLE_AFTER, now);
        noted.await.unwrap()
    };
    let read = || async { store.webhook(webhook.id).await.unwrap().unwrap() };
    assert!(!note(webhook.clone(), Reached::No, since).await);
    assert!(!note(webhook.clone(), Reached::No, since + TimeDelta::days(1)).await);
    let failing = read().await;
    assert_eq!(
        (failing.failing_since, failing.revision),
        (Some(since), webhook.revision)
    );
    let enabled = store.enabled_webhooks().await.unwrap();
    assert!(enabled.contains(&failing));
    assert!(!note(webhook.clone(), Reached::Yes, since).await);
    assert_eq!(read().await, webhook);

    // What counts is what is stored, not what was read: two that failed at once, and the one before them.
    assert!(!note(failing, Reached::No, since + TimeDelta::days(4)).await);
    let late = since + DISABLE_AFTER;
    assert!(!note(webhook.clone(), Reached::No, late).await);
    // Who disables it again changes nothing, so it is told once.
    let over = late + TimeDelta::days(4);
    let ends = join_all((0..CROWD).map(|_| note(webhook.clone(), Reached::No, over))).await;
    assert_eq!(ends.into_iter().filter(|is_over| *is_over).count(), 1);
    let disabled = read().await;
    assert_eq!(
        (disabled.is_enabled, disabled.revision),
        (false, webhook.revision + 1)
    );
    assert!(!note(disabled.clone(), Reached::Yes, over).await);
    assert!(!note(disabled.clone(), Reached::Gone, over).await);
    assert_eq!(read().await, disabled);
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
    assert!(!note(sample::webhook(None), Reached::Gone, over).await);
    what_somebody_changed_meanwhile_stays(store, disabled).await;
}

async fn what_somebody_changed_meanwhile_stays(store: &dyn WebhookStore, disabled: Webhook) {
    let audit = sample::audit(disabled.owner);
    let now = sample::now();
    let change = |before: &Webhook, is_enabled, failing_since| Webhook {
        is_enabled,
        failing_since,
        revision: before.revision + 1,
        ..before.clone()
    };
    let old = Webhook {
        is_enabled: true,
        ..disabled.clone()
    };
    // A try from before it was enabled anew.
    let enabled = change(&disabled, true, None);
    store.update_webhook(&enabled, &audit).await.unwrap();
    for reached in [Reached::No, Reached::Gone] {
        let noted = store.note_reached(&old, reached, DISABLE_AFTER, now).await;
        assert!(!noted.unwrap());
    }
    assert_eq!(
        store.webhook(enabled.id).await.unwrap(),
        Some(enabled.clone())
    );
    // One from before somebody disabled it.
    let rested = change(&enabled, false, None);
    store.update_webhook(&rested, &audit).await.unwrap();
    for reached in [Reached::Yes, Reached::No, Reached::Gone] {
        let noted = store.note_reached(&enabled, reached, DISABLE_AFTER, now);
        assert!(!noted.await.unwrap());
    }
    assert_eq!(
        store.webhook(rested.id).await.unwrap(),
        Some(rested.clone())
    );
    // Who changes something else does not bring back failures that are over.
    let described = change(&rested, true, Some(now));
    store.update_webhook(&described, &audit).await.unwrap();
    let kept = store.webhook(rested.id).await.unwrap().unwrap();
    assert_eq!((kept.is_enabled, kept.failing_since), (true, None));
    store.remove_webhook(rested.id, &audit).await.unwrap();
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
    let claimed = store
        .claim_delivery(LEASE, MOST, now)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(claimed.delivery.event, first.event);
    assert_eq!(claimed.delivery.payload, first.payload);
    let done = DeliveryState::Delivered;
    settle(store, &claimed, settled(done, now), now).await;
    // What is put up again is not sent again.
    store.put_deliveries(&[first]).await.unwrap();
    assert_eq!(store.claim_delivery(LEASE, MOST, now).await.unwrap(), None);
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
    let claims = join_all((0..CROWD).map(|_| store.claim_delivery(LEASE, MOST, now))).await;
    let claims = claims.into_iter().filter_map(|claim| claim.unwrap());
    let claims: Vec<_> = claims.collect();
    assert_eq!(claims.len(), 1);
    let stalled = &claims[0];
    assert_eq!(stalled.delivery.attempts, 1);

    // A lease that ran out.
    let then = now + LEASE * 2;
    let other = store
        .claim_delivery(LEASE, MOST, then)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(other.delivery.event, one.event);
    let done = DeliveryState::Delivered;
    let done = settled(done, then);
    let late = store.settle_delivery(stalled, &done, then).await;
    assert_code(late, &codes::LEASE_LOST);
    settle(store, &other, done.clone(), then).await;
    let twice = store.settle_delivery(&other, &done, then).await;
    assert_code(twice, &codes::LEASE_LOST);

    let begun = store.redeliver(webhook.id, one.event, then).await.unwrap();
    assert_eq!((begun.state, begun.attempts), (DeliveryState::Pending, 0));
    let again = store
        .claim_delivery(LEASE, MOST, then)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.delivery.event, one.event);
    let failed = settled(DeliveryState::Failed, then);
    settle(store, &again, failed, then).await;
    let unknown = store.redeliver(webhook.id, EventId::new(), then).await;
    assert_code(unknown, &codes::NOT_FOUND);
    let mut page = sample::first_page(1);
    let newest = store.list_deliveries(webhook.id, page.clone()).await;
    let mut newest = newest.unwrap();
    // A store may order by fractions of its own.
    for delivery in &mut newest.items {
        delivery.next_at = delivery.next_at.trunc_subsecs(3);
    }
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
        let claimed = store
            .claim_delivery(LEASE, MOST, now)
            .await
            .unwrap()
            .unwrap();
        let tried = DeliveryTry {
            elapsed_ms: number as u64,
            ..tried()
        };
        let pending = Settlement {
            tried,
            ..settled(DeliveryState::Pending, now)
        };
        settle(store, &claimed, pending, now).await;
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
    let claimed = store
        .claim_delivery(LEASE, MOST, now)
        .await
        .unwrap()
        .unwrap();
    let failed = settled(DeliveryState::Failed, now);
    settle(store, &claimed, failed, now).await;
    assert_eq!(store.forget_deliveries(now, 9).await.unwrap(), 0);
    assert_eq!(store.forget_deliveries(future, 9).await.unwrap(), 1);
}

async fn webhooks_take_turns_and_none_has_all_hands(store: &dyn WebhookStore) {
    let now = sample::now();
    let hour = TimeDelta::hours(1);
    let (busy, other) = (WebhookId::new(), WebhookId::new());
    // What has waited for an hour comes before what has not.
    put(store, busy, 6, now - hour).await;
    let first = claim(store, now).await;
    put(store, other, 3, now - hour / 2).await;
    // A webhook that was served is behind the others, whatever waits for it.
    let turns = [claim(store, now).await, claim(store, now).await];
    assert_eq!(first.delivery.webhook, busy);
    assert!(turns.iter().any(|it| it.delivery.webhook == busy));
    assert!(turns.iter().any(|it| it.delivery.webhook == other));
    let last = claim(store, now).await;
    assert_eq!(last.delivery.webhook, other);
    // Two in hands of each.
    assert_eq!(claim_none(store, now).await, None);
    let of_busy = turns.iter().find(|it| it.delivery.webhook == busy);
    let of_other = turns.iter().find(|it| it.delivery.webhook == other);
    let (of_busy, of_other) = (of_busy.unwrap(), of_other.unwrap());
    settle(store, of_busy, taken(now), now).await;
    let next = claim(store, now).await;
    assert_eq!(next.delivery.webhook, busy);
    assert_eq!(claim_none(store, now).await, None);
    for claimed in [of_other, &first, &next, &last] {
        settle(store, claimed, taken(now), now).await;
    }
    drain(store, now, 4).await;
}

async fn one_that_fails_is_held_until_it_takes_something(store: &dyn WebhookStore) {
    let now = sample::now();
    let (dead, well) = (WebhookId::new(), WebhookId::new());
    put(store, dead, 6, now - TimeDelta::hours(1)).await;
    let both = [claim(store, now).await, claim(store, now).await];
    let soon = now + TimeDelta::seconds(5);
    for claimed in &both {
        assert_eq!(claimed.failures, 0);
        settle(store, claimed, refused(claimed, now, soon), now).await;
    }
    put(store, well, 1, now).await;
    put(store, dead, 1, now).await;
    let claimed = claim(store, now).await;
    assert_eq!(claimed.delivery.webhook, well);
    settle(store, &claimed, taken(now), now).await;
    assert_eq!(claim_none(store, now).await, None, "it is held");

    // Then one at a time; and what was learned by none changes nothing.
    let claimed = claim(store, soon).await;
    assert_eq!((claimed.delivery.webhook, claimed.failures), (dead, 1));
    assert_eq!(claim_none(store, soon).await, None, "it is failing");
    let unsent = Settlement {
        pace: Pace::AsBefore,
        ..settled(DeliveryState::Failed, soon)
    };
    settle(store, &claimed, unsent, soon).await;
    let claimed = claim(store, soon).await;
    let later = soon + TimeDelta::seconds(60);
    settle(store, &claimed, refused(&claimed, soon, later), soon).await;
    assert_eq!(claim_none(store, soon).await, None, "it is held again");
    let claimed = claim(store, later).await;
    assert_eq!(claimed.failures, 2);

    // It takes one, and all go on at once.
    settle(store, &claimed, taken(later), later).await;
    let both = [claim(store, later).await, claim(store, later).await];
    assert!(both.iter().all(|it| it.failures == 0));
    for claimed in &both {
        settle(store, claimed, taken(later), later).await;
    }
    drain(store, later, 3).await;
}

async fn what_is_held_is_released_for_whoever_asks(store: &dyn WebhookStore) {
    let now = sample::now();
    let soon = now + TimeDelta::seconds(5);
    let webhook = WebhookId::new();
    put(store, webhook, 2, now).await;
    let claimed = claim(store, now).await;
    settle(store, &claimed, refused(&claimed, now, soon), now).await;
    assert_eq!(claim_none(store, now).await, None);
    store.release_deliveries(webhook, now).await.unwrap();
    let second = claim(store, now).await;
    settle(store, &second, refused(&second, now, soon), now).await;
    let event = second.delivery.event;
    store.redeliver(webhook, event, now).await.unwrap();
    let again = claim(store, now).await;
    assert_eq!(again.delivery.event, event);
    settle(store, &again, taken(now), now).await;
    assert_eq!(claim_none(store, now).await, None, "the first waits");
    drain(store, soon, 1).await;
    // Nothing waits, and there is nothing to release.
    for webhook in [webhook, WebhookId::new()] {
        store.release_deliveries(webhook, soon).await.unwrap();
    }
    assert_eq!(claim_none(store, soon).await, None);
    // What comes after a pause is found.
    put(store, webhook, 1, soon).await;
    drain(store, soon, 1).await;
}

async fn a_hand_that_is_gone_gives_its_place_back(store: &dyn WebhookStore) {
    let now = sample::now();
    let webhook = WebhookId::new();
    put(store, webhook, 3, now).await;
    for _ in 0..MOST {
        claim(store, now).await;
    }
    assert_eq!(claim_none(store, now).await, None);
    let then = now + LEASE;
    drain(store, then, 3).await;
    let forgotten = store.forget_deliveries_of(webhook, 9).await.unwrap();
    assert_eq!(forgotten, 3);
    // Many at once put up, claim and settle, and nothing is left lying.
    let work = (0..CROWD).map(|_| async {
        put(store, webhook, 1, then).await;
        while let Some(claimed) = store.claim_delivery(LEASE, MOST, then).await.unwrap() {
            settle(store, &claimed, taken(then), then).await;
        }
    });
    join_all(work).await;
    drain(store, then, 0).await;
    let all = store.list_deliveries(webhook, sample::first_page(100));
    let all = all.await.unwrap().items;
    assert_eq!(all.len(), CROWD);
    let done = |one: &Delivery| one.state == DeliveryState::Delivered && one.tries.len() == 1;
    assert!(all.iter().all(done), "{all:?}");
}

async fn put(store: &dyn WebhookStore, webhook: WebhookId, count: usize, at: DateTime<Utc>) {
    let deliveries: Vec<_> = (0..count).map(|_| delivery(webhook, at)).collect();
    store.put_deliveries(&deliveries).await.unwrap();
}

async fn claim(store: &dyn WebhookStore, now: DateTime<Utc>) -> ClaimedDelivery {
    let claimed = store.claim_delivery(LEASE, MOST, now).await.unwrap();
    claimed.expect("something is due")
}

async fn claim_none(store: &dyn WebhookStore, now: DateTime<Utc>) -> Option<ClaimedDelivery> {
    store.claim_delivery(LEASE, MOST, now).await.unwrap()
}

async fn settle(
    store: &dyn WebhookStore,
    claimed: &ClaimedDelivery,
    settlement: Settlement,
    now: DateTime<Utc>,
) {
    let settled = store.settle_delivery(claimed, &settlement, now);
    settled.await.unwrap();
}

/// All that is due is taken, and was as many.
async fn drain(store: &dyn WebhookStore, now: DateTime<Utc>, count: usize) {
    let mut taken_ones = 0;
    while let Some(claimed) = store.claim_delivery(LEASE, MOST, now).await.unwrap() {
        settle(store, &claimed, taken(now), now).await;
        taken_ones += 1;
    }
    assert_eq!(taken_ones, count);
}

fn taken(now: DateTime<Utc>) -> Settlement {
    Settlement {
        pace: Pace::Full,
        ..settled(DeliveryState::Delivered, now)
    }
}

/// It is tried again then, and nothing else before.
fn refused(claimed: &ClaimedDelivery, now: DateTime<Utc>, until: DateTime<Utc>) -> Settlement {
    assert!(until > now);
    let failures = claimed.failures + 1;
    Settlement {
        pace: Pace::Held { until, failures },
        ..settled(DeliveryState::Pending, until)
    }
}

fn settled(state: DeliveryState, next_at: DateTime<Utc>) -> Settlement {
    Settlement {
        tried: tried(),
        state,
        next_at,
        pace: Pace::AsBefore,
    }
}

async fn stored(store: &dyn WebhookStore) -> Webhook {
    let webhook = sample::webhook(Some("handbook"));
    let audit = sample::audit(webhook.owner);
    store.create_webhook(&webhook, &audit).await.unwrap();
    webhook
}

fn tried() -> DeliveryTry {
    DeliveryTry {
        at: sample::now(),
        status: Some(503),
        error: Some("upstream_error".to_owned()),
        elapsed_ms: 3,
    }
}
