//! `Idempotency-Key` and the cache: the same request twice, and the upstream is asked once.

use serde_json::json;

use super::{ask, on, spent, sums, token};
use crate::calls::{Reply, chat, events_of};
use crate::scripted::{Scripted, TEXT, TOKENS};

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_call() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let key = engine.make_key(json!({})).await;
    let body = chat("openai/good", false);
    let same = [("idempotency-key", "order-1")];
    let first = ask(&engine, token(&key), &body, &same).await;
    assert_eq!((first.status, first.text().as_str()), (200, TEXT));
    assert_eq!(first.header("idempotent-replayed"), None);
    let again = ask(&engine, token(&key), &body, &same).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());

    let mut other = body.clone();
    other["max_tokens"] = json!(11);
    let refused = ask(&engine, token(&key), &other, &same).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let code = refused.error_code();
    assert_eq!(code.as_deref(), Some("idempotency_key_reused"));

    let same = [("idempotency-key", "order-2")];
    let stream = chat("openai/good", true);
    let first = ask(&engine, token(&key), &stream, &same).await;
    let again = ask(&engine, token(&key), &stream, &same).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_same_stream(&first, &again);

    assert_eq!(upstream.calls("good").len(), 2);
    // Keys of one are nothing to another.
    let stranger = ask(&engine, &engine.token, &body, &same).await;
    assert_eq!(stranger.status, 200, "{}", stranger.body);
    assert_eq!(stranger.header("idempotent-replayed"), None);
    let sum = sums(&engine, |sum| sum["attempts"] == 3).await;
    assert_eq!(sum["succeeded"], 3, "{sum}");
    let (_, tokens) = spent(&engine, &key).await;
    assert_eq!(tokens, 2 * (TOKENS.0 + TOKENS.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_its_caller_and_others_wait_for_it() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let body = chat("openai/hold", false);
    let same = || {
        let request = engine.chat(&engine.token, &body);
        request.header("idempotency-key", "order-3")
    };
    let leaves = tokio::spawn(same().send());
    upstream.until("hold", |calls| calls.len() == 1).await;
    leaves.abort();
    let waits = tokio::spawn(Reply::of(same(), || {}));
    let waits_too = tokio::spawn(Reply::of(same(), || {}));
    upstream.release("hold");
    let (one, other) = (waits.await.unwrap(), waits_too.await.unwrap());
    assert_eq!((one.status, one.text().as_str()), (200, TEXT));
    assert_eq!(one.header("idempotent-replayed"), Some("true"));
    assert_eq!(one.json(), other.json());
    assert_eq!(upstream.calls("hold").len(), 1);
    let sum = sums(&engine, |sum| sum["attempts"] == 1).await;
    assert_eq!(sum["succeeded"], 1, "{sum}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cache_has_costs_nothing() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let key = engine.make_key(json!({})).await;
    let cached = [("x-inkstone-cache", "on")];
    let first = ask(&engine, token(&key), &chat("openai/good", false), &cached).await;
    assert_eq!((first.status, first.text().as_str()), (200, TEXT));
    assert_ne!(first.header("x-inkstone-cache"), Some("hit"));
    let again = ask(&engine, token(&key), &chat("openai/good", false), &cached).await;
    assert_eq!(again.header("x-inkstone-cache"), Some("hit"));
    assert_eq!(again.json(), first.json());

    // The same request as a stream is the same.
    let streamed = ask(&engine, token(&key), &chat("openai/good", true), &cached).await;
    assert_eq!(streamed.header("x-inkstone-cache"), Some("hit"));
    assert_eq!(streamed.text(), TEXT);
    let events = events_of(&streamed.body);
    assert_eq!(events[0]["id"], first.json()["id"]);
    assert!(streamed.body.trim_end().ends_with("data: [DONE]"));
    assert_eq!(upstream.calls("good").len(), 1);

    // Who does not ask for it gets a new one.
    let fresh = ask(&engine, token(&key), &chat("openai/good", false), &[]).await;
    assert_eq!(fresh.header("x-inkstone-cache"), None);
    assert_eq!(upstream.calls("good").len(), 2);
    let sum = sums(&engine, |sum| sum["attempts"] == 4).await;
    assert_eq!(sum["cache_hits"], 2, "{sum}");
    let (_, tokens) = spent(&engine, &key).await;
    assert_eq!(tokens, 2 * (TOKENS.0 + TOKENS.1));
}

/// Pieces may be put together otherwise; the id, the text and the usage are the same.
fn assert_same_stream(first: &Reply, again: &Reply) {
    let of = |reply: &Reply| {
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.header("content-type"), Some("text/event-stream"));
        assert!(reply.body.trim_end().ends_with("data: [DONE]"));
        let events = events_of(&reply.body);
        let usage = events.last().unwrap()["usage"].clone();
        assert_eq!(usage["completion_tokens"], TOKENS.1, "{}", reply.body);
        (events[0]["id"].clone(), reply.text(), usage)
    };
    assert_eq!(of(first), of(again));
    assert_eq!(first.text(), TEXT);
}
