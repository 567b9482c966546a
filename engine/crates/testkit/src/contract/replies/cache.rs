//! The cache.

use bytes::Bytes;
use chrono::Duration;
use futures::future::join_all;
use inkstone_domain::kept_reply::CachedReply;
use inkstone_domain::ports::ReplyStore;

use super::super::CROWD;
use super::new_scope;
use crate::sample;

pub async fn run(store: &dyn ReplyStore) {
    keeps_answers(store).await;
    forgets_what_has_expired(store).await;
    replaces_answers(store).await;
    one_of_many_puts_stands_whole(store).await;
    lists_meanings_newest_first(store).await;
}

pub async fn keeps_answers(store: &dyn ReplyStore) {
    let (scope, other) = (new_scope(), new_scope());
    let mut replies = [
        sample::cached_reply(&scope, "a"),
        sample::cached_reply(&scope, "b"),
        sample::cached_reply(&other, "a"),
    ];
    replies[1].body = (0..=255).collect::<Vec<u8>>().into();
    replies[1].meaning = None;
    replies[2].body = Bytes::new();
    for reply in &replies {
        assert_eq!(get(store, reply).await, None);
        store.put_cached(reply).await.unwrap();
    }
    for reply in &replies {
        assert_eq!(get(store, reply).await.as_ref(), Some(reply));
    }
    let absent = sample::cached_reply(&other, "b");
    assert_eq!(get(store, &absent).await, None);
}

pub async fn forgets_what_has_expired(store: &dyn ReplyStore) {
    let scope = new_scope();
    let reply = sample::cached_reply(&scope, "a");
    store.put_cached(&reply).await.unwrap();
    let end = reply.expires_at;
    let almost = end - Duration::milliseconds(1);
    let found = store.cached(&scope, "a", almost).await.unwrap();
    assert_eq!(found.as_ref(), Some(&reply));
    assert_eq!(store.cached(&scope, "a", end).await.unwrap(), None);
    let found = store.cached_meanings(&scope, almost, 10).await.unwrap();
    assert_eq!(found, [reply]);
    let found = store.cached_meanings(&scope, end, 10).await.unwrap();
    assert_eq!(found, []);
}

pub async fn replaces_answers(store: &dyn ReplyStore) {
    let scope = new_scope();
    let old = sample::cached_reply(&scope, "a");
    store.put_cached(&old).await.unwrap();
    let new = CachedReply {
        body: Bytes::from_static(b"another"),
        meaning: None,
        stored_at: old.stored_at + Duration::minutes(5),
        expires_at: old.expires_at + Duration::minutes(5),
        ..old.clone()
    };
    store.put_cached(&new).await.unwrap();
    assert_eq!(get(store, &old).await, Some(new.clone()));
    let meanings = store.cached_meanings(&scope, new.stored_at, 10).await;
    assert_eq!(meanings.unwrap(), []);
}

pub async fn one_of_many_puts_stands_whole(store: &dyn ReplyStore) {
    let scope = new_scope();
    let replies: Vec<CachedReply> = (0..CROWD)
        .map(|number| CachedReply {
            body: vec![number as u8; 1000].into(),
            ..sample::cached_reply(&scope, "a")
        })
        .collect();
    for put in join_all(replies.iter().map(|reply| store.put_cached(reply))).await {
        put.unwrap();
    }
    let stands = get(store, &replies[0]).await.unwrap();
    assert!(replies.contains(&stands));
}

pub async fn lists_meanings_newest_first(store: &dyn ReplyStore) {
    let (scope, other) = (new_scope(), new_scope());
    let now = sample::now();
    // Neither the order of keys nor that of writing.
    let mut replies = Vec::new();
    for (key, age) in [("b", 3), ("d", 1), ("a", 2), ("c", 4)] {
        let mut reply = sample::cached_reply(&scope, key);
        reply.stored_at = now - Duration::minutes(age);
        store.put_cached(&reply).await.unwrap();
        replies.push((age, reply));
    }
    let mut without = sample::cached_reply(&scope, "e");
    without.meaning = None;
    store.put_cached(&without).await.unwrap();
    let mut expired = sample::cached_reply(&scope, "f");
    expired.expires_at = now;
    store.put_cached(&expired).await.unwrap();
    let foreign = sample::cached_reply(&other, "a");
    store.put_cached(&foreign).await.unwrap();

    replies.sort_by_key(|(age, _)| *age);
    let newest: Vec<CachedReply> = replies.into_iter().map(|(_, reply)| reply).collect();
    for limit in [10, 4, 3, 1, 0] {
        let found = store.cached_meanings(&scope, now, limit).await.unwrap();
        assert_eq!(found, newest[..limit.min(4)]);
    }
    let found = store.cached_meanings(&other, now, usize::MAX).await;
    assert_eq!(found.unwrap(), [foreign]);
}

async fn get(store: &dyn ReplyStore, reply: &CachedReply) -> Option<CachedReply> {
    let now = sample::now();
    store.cached(&reply.scope, &reply.key, now).await.unwrap()
}
