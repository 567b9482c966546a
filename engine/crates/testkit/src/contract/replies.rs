//! The suite of [`ReplyStore`]: what both kinds of answers have in common, here; each of them, in the
//! files beside.

pub mod cache;
pub mod claims;

use chrono::Duration;
use inkstone_domain::ids::JobId;
use inkstone_domain::kept_reply::Claimed;
use inkstone_domain::ports::ReplyStore;

use crate::sample;

pub async fn run(store: &dyn ReplyStore) {
    cache::run(store).await;
    claims::run(store).await;
    prunes_what_has_expired(store).await;
    prunes_any_number(store).await;
}

pub async fn prunes_what_has_expired(store: &dyn ReplyStore) {
    // In the past, so that nothing else in the store expires between the two prunings.
    let then = sample::now() - Duration::days(2);
    store.prune_replies(then).await.unwrap();
    let scope = new_scope();
    for (key, left_ms) in [("gone", -1), ("at the end", 0), ("stays", 1)] {
        let expires_at = then + Duration::milliseconds(left_ms);
        let mut reply = sample::cached_reply(&scope, key);
        reply.expires_at = expires_at;
        store.put_cached(&reply).await.unwrap();
        let mut claim = sample::claim(&scope, key, "a");
        claim.expires_at = expires_at;
        store
            .claim(&claim, then - Duration::hours(1))
            .await
            .unwrap();
    }
    // Whether it is finished and whether its lease still holds does not count.
    let body = "answer".into();
    store.finish_claim(&scope, "gone", "a", body).await.unwrap();

    assert_eq!(store.prune_replies(then).await.unwrap(), 4);
    assert_eq!(store.prune_replies(then).await.unwrap(), 0);
    let earlier = then - Duration::minutes(1);
    for key in ["gone", "at the end"] {
        assert_eq!(store.cached(&scope, key, earlier).await.unwrap(), None);
        let claim = sample::claim(&scope, key, "b");
        let claimed = store.claim(&claim, earlier).await.unwrap();
        assert_eq!(claimed, Claimed::Mine);
    }
    let stays = store.cached(&scope, "stays", then).await.unwrap();
    assert!(stays.is_some());
    let claim = sample::claim(&scope, "stays", "b");
    let claimed = store.claim(&claim, then).await.unwrap();
    assert_eq!(claimed, Claimed::Busy);
}

/// More than any adapter removes at a time.
pub async fn prunes_any_number(store: &dyn ReplyStore) {
    const ENTRIES: u64 = 300;
    let then = sample::now() - Duration::days(1);
    store.prune_replies(then).await.unwrap();
    let scope = new_scope();
    for number in 0..ENTRIES {
        let mut reply = sample::cached_reply(&scope, &number.to_string());
        reply.expires_at = then;
        store.put_cached(&reply).await.unwrap();
    }
    assert_eq!(store.prune_replies(then).await.unwrap(), ENTRIES);
}

/// A scope that no other test has.
fn new_scope() -> String {
    format!("scope:{}/潮", JobId::new())
}
