//! kill -9 around calls: nothing is billed twice or lost, and a caller with an `Idempotency-Key` gets the
//! answer there was, or a new call where there was none.

use serde_json::json;

use super::{ask, on, spent, sums, token};
use crate::calls::{Reply, chat};
use crate::scripted::{Scripted, TEXT, TOKENS};

const SAME: [(&str, &str); 1] = [("idempotency-key", "after-the-crash")];

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_given_is_given_again() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let key = engine.make_key(json!({})).await;
    for is_stream in [false, true] {
        let body = chat("openai/good", is_stream);
        let other = ask(&engine, token(&key), &body, &[]).await;
        assert_eq!(other.text(), TEXT);
    }
    let body = chat("openai/good", false);
    let first = ask(&engine, token(&key), &body, &SAME).await;
    engine.kill_now();
    assert_eq!((first.status, first.text().as_str()), (200, TEXT));

    let engine = engine.kill().start().await;
    let all = 3 * (TOKENS.0 + TOKENS.1);
    assert_eq!(spent(&engine, &key).await.1, all);
    let again = ask(&engine, token(&key), &body, &SAME).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());
    assert_eq!(upstream.calls("good").len(), 3);
    let sum = sums(&engine, |sum| sum["attempts"] == 3).await;
    assert_eq!(sum["succeeded"], 3, "{sum}");
    assert_eq!(spent(&engine, &key).await.1, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_cut_off_is_made_anew() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let key = engine.make_key(json!({})).await;
    let body = chat("openai/hold", false);
    let request = engine.chat(token(&key), &body).header(SAME[0].0, SAME[0].1);
    let cut_off = tokio::spawn(request.send());
    upstream.until("hold", |calls| calls.len() == 1).await;
    engine.kill_now();
    let cut_off = cut_off.await.unwrap();
    assert!(cut_off.is_err(), "{cut_off:?}");

    let engine = engine.kill().start().await;
    assert_eq!(spent(&engine, &key).await, (0.0, 0));
    upstream.release("hold");
    let made = ask(&engine, token(&key), &body, &SAME).await;
    assert_eq!((made.status, made.text().as_str()), (200, TEXT));
    assert_eq!(made.header("idempotent-replayed"), None);
    assert_eq!(upstream.calls("hold").len(), 2);
    let sum = sums(&engine, |sum| sum["attempts"] == 1).await;
    assert_eq!(sum["succeeded"], 1, "{sum}");
    assert_eq!(spent(&engine, &key).await.1, TOKENS.0 + TOKENS.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_in_the_last_moment_is_in_the_ledger() {
    const CALLS: usize = 40;
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let key = engine.make_key(json!({})).await;
    let calls = (0..CALLS).map(|number| {
        let body = chat("openai/good", number % 2 == 1);
        Reply::of(engine.chat(token(&key), &body), || {})
    });
    let replies = futures::future::join_all(calls).await;
    engine.kill_now();
    assert!(replies.iter().all(|reply| reply.text() == TEXT));

    let engine = engine.kill().start().await;
    let brought = engine.log().contains("brought to the ledger");
    println!("the journal was needed: {brought}");
    let all = CALLS as u64 * (TOKENS.0 + TOKENS.1);
    assert_eq!(spent(&engine, &key).await.1, all);
    let sum = sums(&engine, |sum| sum["attempts"] == CALLS).await;
    assert_eq!(sum["succeeded"], CALLS, "{sum}");
    assert_eq!(sum["output_tokens"], CALLS as u64 * TOKENS.1, "{sum}");
    // Nothing is in the journal that is in the ledger already: another crash adds nothing.
    let engine = engine.kill().start().await;
    let sum = sums(&engine, |_| true).await;
    assert_eq!(sum["attempts"], CALLS, "{sum}");
    assert_eq!(spent(&engine, &key).await.1, all);
}
