//! The suite of [`HandlerStore`].

use std::time::Duration;

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ports::HandlerStore;
use ulid::Ulid;

use super::{CROWD, assert_code};
use crate::sample;

const LEASE: Duration = Duration::from_secs(30);

pub async fn run(store: &dyn HandlerStore) {
    one_engine_at_a_time_has_a_handler(store).await;
    a_place_is_kept_and_an_old_fence_moves_nothing(store).await;
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
