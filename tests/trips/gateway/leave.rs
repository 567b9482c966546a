//! A caller who leaves in the middle of a call: the upstream is let go at once, and the ledger has it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{on, sums};
use crate::calls::{chat, events_of};
use crate::engine::Engine;
use crate::scripted::{Call, Scripted};

const LEAVERS: usize = 20;
/// What is promised. The machine may be busy with other tests, so it is the median that must keep it.
const PROMISED: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_is_let_go_when_the_caller_leaves_a_stream() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let mut took = Vec::new();
    for number in 0..LEAVERS {
        let request = engine.chat(&engine.token, &chat("openai/stall", true));
        let mut reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 200);
        let mut body = String::new();
        while !body.contains("Once") {
            let piece = reply.chunk().await.unwrap().unwrap();
            body += &String::from_utf8_lossy(&piece);
        }
        assert!(!events_of(&body).is_empty(), "{body}");
        let left = Instant::now();
        drop(reply);
        took.push(let_go(&upstream, number).await - left);
    }
    println!("the upstream of a stream: {}", assert_prompt(took));
    for line in cancelled(&engine).await {
        // Nobody told, so they are estimated.
        assert!(line["input_tokens"].as_u64() > Some(0), "{line}");
        assert!(line["output_tokens"].as_u64() > Some(0), "{line}");
    }
}

/// Nothing was said yet, so nothing that is written can fail: the engine must see the caller leave.
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_is_let_go_when_the_caller_leaves_a_whole_answer() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let mut took = Vec::new();
    for number in 0..LEAVERS {
        let request = engine.chat(&engine.token, &chat("openai/stall", false));
        let calling = tokio::spawn(request.send());
        upstream.until("stall", |calls| calls.len() > number).await;
        let left = Instant::now();
        calling.abort();
        assert!(calling.await.unwrap_err().is_cancelled());
        took.push(let_go(&upstream, number).await - left);
    }
    println!("the upstream of a whole answer: {}", assert_prompt(took));
    cancelled(&engine).await;
}

/// When the upstream saw its client leave.
async fn let_go(upstream: &Scripted, number: usize) -> Instant {
    let left = |calls: &[Call]| calls.get(number).and_then(|call| call.left);
    let calls = upstream.until("stall", |calls| left(calls).is_some()).await;
    left(&calls).unwrap()
}

/// How soon it was, to be read.
fn assert_prompt(mut took: Vec<Duration>) -> String {
    took.sort();
    let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
    assert!(median < PROMISED, "{took:?}");
    format!("let go after {median:?} (median), {longest:?} (longest of {LEAVERS})")
}

/// The ledger, once it has them all.
async fn cancelled(engine: &Engine) -> Vec<Value> {
    sums(engine, |sum| sum["attempts"] == LEAVERS).await;
    let lines = engine.ledger().await;
    for line in &lines {
        assert_eq!(line["outcome"], "cancelled", "{line}");
        assert_eq!(line["error_code"], Value::Null, "{line}");
    }
    lines
}
