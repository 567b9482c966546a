//! Answers that break off, or make no sense.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;

use super::replay::*;
use crate::Anthropic;

const OVERLOADED: &str = include_str!("../../tests/data/stream_overloaded.sse");

#[test]
fn an_error_in_mid_stream_is_typed() {
    let (chunks, error) = read_broken(OVERLOADED);
    assert_eq!(chunks, [Chunk::text("Hel")]);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(
        error.message,
        "the upstream broke off its answer: Overloaded"
    );
}

#[test]
fn every_documented_error_has_its_kind() {
    for (word, want) in [
        ("invalid_request_error", ErrorKind::InvalidInput),
        ("authentication_error", ErrorKind::Unauthorized),
        ("permission_error", ErrorKind::Unauthorized),
        ("not_found_error", ErrorKind::NotFound),
        ("rate_limit_error", ErrorKind::RateLimited),
        ("timeout_error", ErrorKind::Timeout),
        ("overloaded_error", ErrorKind::Unavailable),
        ("api_error", ErrorKind::Upstream),
        ("something_new", ErrorKind::Upstream),
    ] {
        let fault = json!({"type": "error", "error": {"type": word, "message": "m"}});
        let (_, error) = read_broken(events([start(), fault.clone()]));
        assert_eq!(error.kind, want, "{word}");
        // Without the event's name the data still says what it is.
        let (_, error) = read_broken(format!("data: {fault}\n\n"));
        assert_eq!(error.kind, want, "{word}");
    }
}

#[test]
fn an_error_event_may_be_plain_text() {
    let (_, error) = read_broken("event: error\ndata: out of memory\n\n");
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(
        error.message.ends_with("out of memory"),
        "{}",
        error.message
    );
}

#[test]
fn a_whole_answer_may_be_an_error() {
    let fault = json!({"type": "error", "error": {"type": "overloaded_error", "message": "m"}});
    let error = whole(fault.to_string()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[test]
fn a_stream_that_ends_early_is_an_error() {
    for body in [
        String::new(),
        events([start()]),
        events([start(), text("a"), block_stop(0)]),
        events([stop()]),
    ] {
        let (_, error) = read_broken(&body);
        assert_eq!(error.kind, ErrorKind::Upstream, "{body}");
        assert!(error.message.contains("ended before"), "{}", error.message);
    }
}

#[test]
fn the_end_mark_may_be_missing_after_a_reason() {
    let want = [Chunk::text("a"), Chunk::Finish(FinishReason::Length)];
    assert_eq!(
        read(events([start(), text("a"), finish("max_tokens")])),
        want
    );
}

#[test]
fn the_end_mark_stands_in_for_a_reason() {
    let want = [Chunk::text("a"), Chunk::Finish(FinishReason::Stop)];
    assert_eq!(read(events([start(), text("a"), stop()])), want);
    let tool = block(
        0,
        json!({"type": "tool_use", "id": "a", "name": "f", "input": {}}),
    );
    let last = read(events([start(), tool, stop()])).pop();
    assert_eq!(last, Some(Chunk::Finish(FinishReason::ToolCalls)));
}

#[test]
fn a_whole_answer_without_a_reason_is_an_error() {
    let body = json!({"type": "message", "content": [{"type": "text", "text": "a"}]});
    let error = whole(body.to_string()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn what_is_no_json_is_an_upstream_error() {
    let (_, error) = read_broken("event: message_start\ndata: {broken\n\n");
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert_eq!(whole("<html>").unwrap_err().kind, ErrorKind::Upstream);
}

#[test]
fn what_does_not_fit_names_the_place() {
    let body = events([start(), json!({"type": "content_block_start", "index": 0})]);
    let (_, error) = read_broken(body);
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(error.message.contains("content_block"), "{}", error.message);
    let block = block(0, json!({"type": "tool_use", "id": 7, "name": "f"}));
    let (_, error) = read_broken(events([start(), block]));
    assert!(error.message.contains("`id`"), "{}", error.message);
}

#[test]
fn pieces_are_pulled_one_by_one() {
    testing::reset();
    let gone = Error::unavailable("gone");
    testing::http(move |_| {
        let head = events([start(), text("a")]);
        Ok(testing::response(200).body(head).broken(gone.clone()))
    });
    let mut chunks = Anthropic.complete(hi()).unwrap();
    assert_eq!(chunks.next().unwrap().unwrap(), Chunk::text("a"));
    let error = chunks.next().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(chunks.next().is_none(), "nothing follows an error");
}
