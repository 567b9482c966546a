//! A caller who leaves in the middle of a stream: the upstream is let go at once, and the ledger has it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{on, sums};
use crate::calls::{chat, events_of};
use crate::scripted::Scripted;

const LEAVERS: usize = 20;
/// Far above what it takes: the machine may be busy.
const LONGEST: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_is_let_go_when_the_caller_leaves() {
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
        let calls = upstream
            .until("stall", |calls| {
                calls.get(number).is_some_and(|call| call.left.is_some())
            })
            .await;
        took.push(calls[number].left.unwrap() - left);
    }
    took.sort();
    let (median, longest) = (took[LEAVERS / 2], took[LEAVERS - 1]);
    println!(
        "the upstream was let go after {median:?} (median), {longest:?} (longest of {LEAVERS})"
    );
    assert!(longest < LONGEST, "{took:?}");

    sums(&engine, |sum| sum["attempts"] == LEAVERS).await;
    for line in engine.ledger().await {
        assert_eq!(line["outcome"], "cancelled", "{line}");
        assert_eq!(line["error_code"], Value::Null, "{line}");
        // Nobody told, so they are estimated.
        assert!(line["input_tokens"].as_u64() > Some(0), "{line}");
        assert!(line["output_tokens"].as_u64() > Some(0), "{line}");
    }
}
