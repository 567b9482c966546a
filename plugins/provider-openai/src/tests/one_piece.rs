//! Answers in one piece, by the page "Create chat completion" of OpenAI's reference: how they are asked for, and what
//! is made of them.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use super::streams::{REPLAY, STREAM, WHOLE, WHOLE_TOOL_CALLS};
use crate::OpenAi;

#[test]
fn it_is_asked_for_without_a_stream() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(WHOLE)));
    let request = Request {
        stream: false,
        ..Request::new("gpt-4.1").user("Hi")
    };
    let chunks = OpenAi.complete(request).unwrap();
    assert_eq!(chunks.count(), 3, "no media type is JSON as well");
    let sent = testing::http_requests().remove(0);
    let accept = ("accept".to_owned(), "application/json".to_owned());
    assert!(sent.headers.contains(&accept), "{:?}", sent.headers);
    // The head comes when the answer is finished.
    assert_eq!(sent.timeout_ms, Some(120_000));
    let body: Value = serde_json::from_slice(&sent.body.unwrap()).unwrap();
    let want = json!({
        "model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}], "stream": false,
    });
    assert_eq!(body, want);
}

#[test]
fn all_of_it_is_handed_over_at_once() {
    let want = [
        Chunk::text("Hello! How can I assist you today?"),
        Chunk::Usage(Usage::new(19, 10)),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(REPLAY.unstreamed(WHOLE).unwrap(), want);
    let calls = REPLAY.unstreamed(WHOLE_TOOL_CALLS).unwrap();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls.last(), Some(&Chunk::Finish(FinishReason::ToolCalls)));
}

#[test]
fn reasoning_and_citations_come_too() {
    let body = json!({
        "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": "Four.", "reasoning_content": "Hm.", "refusal": null,
            "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example"}}],
        }}],
    });
    let want = [
        Chunk::Reasoning("Hm.".to_owned()),
        Chunk::text("Four."),
        Chunk::Citation(Source::url("https://a.example")),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(REPLAY.unstreamed(body.to_string()).unwrap(), want);
}

#[test]
fn a_stream_that_nobody_asked_for_is_read_too() {
    assert_eq!(
        REPLAY.streamed_unasked(STREAM).unwrap(),
        REPLAY.read(STREAM)
    );
}

#[test]
fn what_is_wrong_with_it_is_told_before_the_first_chunk() {
    for (body, kind) in [
        (
            r#"{"error":{"message":"Slow down","code":429}}"#,
            ErrorKind::RateLimited,
        ),
        (r#"{"choices":[]}"#, ErrorKind::Upstream),
        (
            r#"{"choices":[{"message":{"content":7}}]}"#,
            ErrorKind::Upstream,
        ),
        ("<html></html>", ErrorKind::Upstream),
    ] {
        let error = REPLAY.unstreamed(body).unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
    }
    let error = REPLAY
        .unstreamed(r#"{"choices":[{"message":{"content":7}}]}"#)
        .unwrap_err();
    let place = "choices[0].message.content";
    assert!(error.message.contains(place), "{}", error.message);
}
