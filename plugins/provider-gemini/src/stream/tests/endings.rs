//! How answers end, well or badly.

use super::*;

#[test]
fn a_blocked_prompt_is_filtered() {
    let want = [
        Chunk::Usage(Usage::new(12, 0)),
        Chunk::Finish(FinishReason::ContentFilter),
    ];
    assert_eq!(read(BLOCKED), want);
    let fine = json!({"promptFeedback": {"safetyRatings": []}});
    let chunks = read(events([fine, finish("STOP")]));
    assert_eq!(chunks, [Chunk::Finish(FinishReason::Stop)]);
}

#[test]
fn reasons_are_told() {
    for (word, want) in [
        ("STOP", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("SAFETY", FinishReason::ContentFilter),
        ("RECITATION", FinishReason::ContentFilter),
        ("LANGUAGE", FinishReason::ContentFilter),
        ("BLOCKLIST", FinishReason::ContentFilter),
        ("PROHIBITED_CONTENT", FinishReason::ContentFilter),
        ("SPII", FinishReason::ContentFilter),
        ("IMAGE_SAFETY", FinishReason::ContentFilter),
    ] {
        let chunks = read(events([parts(json!([{"text": "a"}])), finish(word)]));
        assert_eq!(chunks, [Chunk::text("a"), Chunk::Finish(want)], "{word}");
    }
    let call = parts(json!([{"functionCall": {"name": "f"}}]));
    let chunks = read(events([call, finish("MAX_TOKENS")]));
    assert_eq!(chunks[1], Chunk::Finish(FinishReason::Length));
}

#[test]
fn a_bad_end_is_an_error_after_what_was_said() {
    for word in [
        "MALFORMED_FUNCTION_CALL",
        "OTHER",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "A_NEW_ONE",
    ] {
        let last = json!({"candidates": [{
            "content": {"parts": [{"text": "a"}]},
            "finishReason": word,
            "finishMessage": "print(f())",
        }]});
        let (chunks, error) = read_broken(events([last]));
        assert_eq!(chunks, [Chunk::text("a")]);
        assert_eq!(error.kind, ErrorKind::Upstream);
        assert!(error.message.contains(word), "{}", error.message);
        assert!(error.message.ends_with("(print(f()))"), "{}", error.message);
    }
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_typed() {
    let error = json!({"error": {
        "code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}],
    }});
    let (chunks, error) = read_broken(events([parts(json!([{"text": "a"}])), error]));
    assert_eq!(chunks, [Chunk::text("a")]);
    let want = Error::unavailable("the upstream broke off its answer: The model is overloaded.");
    assert_eq!(
        error,
        want.with_upstream_status(503).with_retry_after_ms(2_000)
    );
    let bare = json!({"error": {"message": "slow down", "status": "RESOURCE_EXHAUSTED"}});
    let (_, error) = read_broken(events([bare]));
    assert_eq!(error.kind, ErrorKind::RateLimited);
}

#[test]
fn a_stream_that_just_ends_is_an_error() {
    let said = parts(json!([{"text": "a"}]));
    for body in [
        events([said.clone()]),
        events([said, finish("FINISH_REASON_UNSPECIFIED")]),
    ] {
        let (chunks, error) = read_broken(body);
        assert_eq!(chunks, [Chunk::text("a")]);
        assert_eq!(error.kind, ErrorKind::Upstream);
        assert!(error.message.contains("ended before"), "{}", error.message);
    }
    let (chunks, error) = read_broken("");
    assert!(chunks.is_empty() && error.kind == ErrorKind::Upstream);
}

#[test]
fn what_is_no_json_is_an_upstream_error() {
    let (_, error) = read_broken("data: {\"candidates\": 1}\n\n");
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(error.message.contains("candidates"), "{}", error.message);
}
