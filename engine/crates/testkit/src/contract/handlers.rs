//! The suite of [`HandlerStore`].

use std::time::Duration;

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ports::{HandlerFault, HandlerState, HandlerStore, PASSED_OVER_KEPT};
use ulid::Ulid;

use super::{CROWD, assert_code};
use crate::sample;

const LEASE: Duration = Duration::from_secs(30);

pub async fn run(store: &dyn HandlerStore) {
    one_engine_at_a_time_has_a_handler(store).await;
    a_place_waits_for_whoever_claims_it(store).await;
    a_place_is_kept_and_an_old_fence_moves_nothing(store).await;
    what_could_not_be_handled_is_kept(store).await;
    what_nobody_runs_is_forgotten(store).await;
    a_crowd_claims_once(store).await;
}

async fn one_engine_at_a_time_has_a_handler(store: &dyn HandlerStore) {
    let (name, now) = (name(), sample::now());
    let claim = |holder: &'static str, at| store.claim_handler(&name, holder, 5, LEASE, at);
    let first = claim("a", now).await.unwrap().unwrap();
    assert_eq!(first.number, 5);
    assert_eq!(claim("b", now).await.unwrap(), None);
    let again = claim("a", now).await.unwrap().unwrap();
    assert!(again.fence > first.fence);
    assert_eq!(claim("b", now + LEASE / 2).await.unwrap(), None);

    let later = now + LEASE * 2;
    let other = claim("b", later).await.unwrap().unwrap();
    assert_eq!(other.number, 5);
    let late = store.advance_handler(&name, again.fence, 9, LEASE, later);
    assert_code(late.await, &codes::LEASE_LOST);
    let late = store.release_handler(&name, again.fence).await;
    assert_code(late, &codes::LEASE_LOST);
    store.release_handler(&name, other.fence).await.unwrap();
    assert!(claim("a", later).await.unwrap().is_some());
}

async fn a_place_waits_for_whoever_claims_it(store: &dyn HandlerStore) {
    let (name, now) = (name(), sample::now());
    store.keep_place(&name, 7, now).await.unwrap();
    let made = state(store, &name).await.unwrap();
    assert_eq!((made.number, made.holder), (7, None));
    assert_eq!((made.lease_until, made.failing), (None, None));
    assert_eq!(made.passed_over, []);
    // It is made once.
    store.keep_place(&name, 9, now).await.unwrap();
    assert_eq!(state(store, &name).await.unwrap().number, 7);

    let claimed = store.claim_handler(&name, "a", 9, LEASE, now).await;
    let claimed = claimed.unwrap().unwrap();
    assert_eq!(claimed.number, 7);
    // Whoever has it keeps it.
    store.keep_place(&name, 9, now + LEASE).await.unwrap();
    let held = state(store, &name).await.unwrap();
    assert_eq!(held.holder.as_deref(), Some("a"));
    assert_eq!(held.lease_until, Some(now + LEASE));
    let advanced = store.advance_handler(&name, claimed.fence, 8, LEASE, now);
    advanced.await.unwrap();
}

async fn a_place_is_kept_and_an_old_fence_moves_nothing(store: &dyn HandlerStore) {
    let (name, now) = (name(), sample::now());
    let none = store.rewind_handler(&name, 1).await;
    assert_code(none, &codes::NOT_FOUND);
    let none = store.advance_handler(&name, 1, 1, LEASE, now).await;
    assert_code(none, &codes::NOT_FOUND);
    let claimed = store.claim_handler(&name, "a", 0, LEASE, now).await;
    let claimed = claimed.unwrap().unwrap();
    store
        .advance_handler(&name, claimed.fence, 70, LEASE, now)
        .await
        .unwrap();
    let state = store.handlers().await.unwrap();
    let state = state.iter().find(|state| state.name == name).unwrap();
    assert_eq!((state.number, state.holder.as_deref()), (70, Some("a")));
    assert_eq!(state.lease_until, Some(now + LEASE));

    store.rewind_handler(&name, 3).await.unwrap();
    let late = store.advance_handler(&name, claimed.fence, 71, LEASE, now);
    assert_code(late.await, &codes::LEASE_LOST);
    let other = store.claim_handler(&name, "b", 99, LEASE, now).await;
    assert_eq!(other.unwrap().unwrap().number, 3);
}

async fn state(store: &dyn HandlerStore, name: &str) -> Option<HandlerState> {
    let states = store.handlers().await.unwrap();
    states.into_iter().find(|state| state.name == name)
}

async fn what_could_not_be_handled_is_kept(store: &dyn HandlerStore) {
    let (name, now) = (name(), sample::now());
    let claim = store.claim_handler(&name, "a", 3, LEASE, now).await;
    let first = claim.unwrap().unwrap();
    assert_eq!(first.failing, None);
    let fault = sample::handler_fault();
    let noted = store.note_fault(&name, first.fence, &fault, LEASE, now);
    noted.await.unwrap();
    // A sign of life is no step.
    let advanced = store.advance_handler(&name, first.fence, 3, LEASE, now);
    advanced.await.unwrap();
    let found = state(store, &name).await.unwrap();
    assert_eq!((found.number, found.failing), (3, Some(fault.clone())));

    // Whoever has it next knows of it.
    store.release_handler(&name, first.fence).await.unwrap();
    let claim = store.claim_handler(&name, "b", 99, LEASE, now).await;
    let second = claim.unwrap().unwrap();
    assert_eq!(second.failing, Some(fault.clone()));
    let late = store.note_fault(&name, first.fence, &fault, LEASE, now);
    assert_code(late.await, &codes::LEASE_LOST);
    let late = store.pass_over(&name, first.fence, 4, &fault, LEASE, now);
    assert_code(late.await, &codes::LEASE_LOST);

    let step = store.advance_handler(&name, second.fence, 4, LEASE, now);
    step.await.unwrap();
    assert_eq!(state(store, &name).await.unwrap().failing, None);
    let most = u32::try_from(PASSED_OVER_KEPT).unwrap() + 2;
    for tries in 1..=most {
        let fault = HandlerFault {
            tries,
            ..fault.clone()
        };
        let noted = store.note_fault(&name, second.fence, &fault, LEASE, now);
        noted.await.unwrap();
        let number = 4 + u64::from(tries);
        let passed = store.pass_over(&name, second.fence, number, &fault, LEASE, now);
        passed.await.unwrap();
    }
    let found = state(store, &name).await.unwrap();
    assert_eq!((found.number, found.failing), (4 + u64::from(most), None));
    let kept: Vec<u32> = found.passed_over.iter().map(|one| one.tries).collect();
    assert_eq!(kept, (3..=most).rev().collect::<Vec<_>>());
}

async fn what_nobody_runs_is_forgotten(store: &dyn HandlerStore) {
    // Long before all others of this suite.
    let long_ago = sample::now() - chrono::TimeDelta::days(400);
    let (name, live, kept) = (name(), name(), name());
    for one in [&name, &live, &kept] {
        let claim = store.claim_handler(one, "a", 0, LEASE, long_ago).await;
        store
            .release_handler(one, claim.unwrap().unwrap().fence)
            .await
            .unwrap();
    }
    let later = long_ago + chrono::TimeDelta::days(1);
    let claim = store.claim_handler(&live, "a", 0, LEASE, later);
    claim.await.unwrap().unwrap();
    store.keep_place(&kept, 99, later).await.unwrap();
    assert_eq!(store.forget_handlers(long_ago).await.unwrap(), 0);
    assert_eq!(store.forget_handlers(later).await.unwrap(), 1);
    assert_eq!(state(store, &name).await, None);
    assert!(state(store, &live).await.is_some());
    assert_eq!(state(store, &kept).await.unwrap().number, 0);
}

async fn a_crowd_claims_once(store: &dyn HandlerStore) {
    let (name, now) = (name(), sample::now());
    let holders: Vec<String> = (0..CROWD)
        .map(|number| format!("engine-{number}"))
        .collect();
    let claims = holders
        .iter()
        .map(|holder| store.claim_handler(&name, holder, 0, LEASE, now));
    let claimed = join_all(claims).await;
    let claimed = claimed.into_iter().filter_map(|claim| claim.unwrap());
    assert_eq!(claimed.count(), 1);
}

fn name() -> String {
    format!("handler-{}", Ulid::new())
}
