//! Answers by the pages "Chat API (v2)", "A Guide to Streaming Responses" and "Streaming for tool use" of Cohere's
//! documentation.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use provider_wire::testing::Replay;
use serde_json::Value;

use crate::Cohere;

const STREAM: &str = include_str!("../../tests/data/chat_stream.sse");
const TOOL_CALLS: &str = include_str!("../../tests/data/chat_tool_calls.sse");
const WHOLE: &str = include_str!("../../tests/data/chat_whole.json");

const REPLAY: Replay<Cohere> = Replay {
    provider: Cohere,
    model: "command-a-03-2025",
};

fn events(events: impl IntoIterator<Item = Value>) -> String {
    let events = events.into_iter();
    events.map(|event| format!("data: {event}\n\n")).collect()
}

fn text(text: &str) -> Value {
    json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}})
}

fn end(delta: Value) -> Value {
    json!({"type": "message-end", "delta": delta})
}

fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Chunk {
    Chunk::ToolCall(ToolCallDelta {
        index,
        id: id.map(str::to_owned),
        name: name.map(str::to_owned),
        arguments: arguments.to_owned(),
    })
}

#[test]
fn a_text_comes_with_thoughts_citations_and_usage() {
    let want = [
        Chunk::Reasoning("They ask about memberships.".to_owned()),
        Chunk::text("Yes, gym"),
        Chunk::text(" memberships."),
        Chunk::Citation(Source {
            title: Some("Perks".to_owned()),
            ..Source::url("https://a.example/perks")
        }),
        // What is billed, not what was read with all that is put around it.
        Chunk::Usage(Usage {
            cached_input_tokens: 16,
            ..Usage::new(17, 12)
        }),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(REPLAY.read(STREAM), want);
}

#[test]
fn tool_calls_come_in_pieces_behind_their_plan() {
    let name = Some("get_weather");
    let want = [
        Chunk::Reasoning("I will search".to_owned()),
        Chunk::Reasoning(" for the weather.".to_owned()),
        call(0, Some("get_weather_p1t9"), name, ""),
        call(0, None, None, "{\"location\":"),
        call(0, None, None, " \"Madrid\"}"),
        call(1, Some("get_weather_ay6n"), name, ""),
        call(1, None, None, "{}"),
        Chunk::Usage(Usage::new(37, 28)),
        Chunk::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(REPLAY.read(TOOL_CALLS), want);
}

#[test]
fn every_split_gives_the_same_chunks() {
    let want = REPLAY.read(TOOL_CALLS);
    let bytes: Vec<Vec<u8>> = TOOL_CALLS.bytes().map(|byte| vec![byte]).collect();
    let chunks = REPLAY.streamed(bytes).into_iter();
    assert_eq!(chunks.collect::<Result<Vec<_>>>().unwrap(), want);
}

#[test]
fn an_answer_in_one_piece_is_handed_over_at_once() {
    let want = [
        Chunk::Reasoning("I will look it up.".to_owned()),
        Chunk::Reasoning("Hm.".to_owned()),
        Chunk::text("One moment."),
        call(0, Some("look_1"), Some("look"), "{\"at\": \"sky\"}"),
        Chunk::Citation(Source::url("https://a.example")),
        Chunk::Usage(Usage::new(5, 9)),
        Chunk::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(REPLAY.unstreamed(WHOLE).unwrap(), want);
    assert_eq!(REPLAY.whole("application/json", WHOLE).unwrap(), want);
    let streamed = REPLAY.streamed_unasked(STREAM).unwrap();
    assert_eq!(streamed, REPLAY.read(STREAM));
}

#[test]
fn what_is_new_or_null_is_passed_over() {
    let body = events([
        json!({"type": "weather-report", "delta": [7]}),
        json!({"type": "debug", "prompt": "…"}),
        json!({"type": "content-delta", "delta": {"message": {"content": {"text": null, "mood": 1}}}}),
        json!({"type": "citation-start", "delta": {"message": {"citations": {"sources": [
            {"document": {"url": "no address"}}, {"document": {"url": 7}}, {"document": null}, {},
        ]}}}}),
        text("a"),
        end(json!({"finish_reason": "SOMETHING_NEW", "usage": null})),
    ]);
    let want = [Chunk::text("a"), Chunk::Finish(FinishReason::Stop)];
    assert_eq!(REPLAY.read(body), want);
}

#[test]
fn reasons_to_end() {
    for (word, want) in [
        ("COMPLETE", FinishReason::Stop),
        ("STOP_SEQUENCE", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("TOOL_CALL", FinishReason::ToolCalls),
    ] {
        let chunks = REPLAY.read(events([end(json!({"finish_reason": word}))]));
        assert_eq!(chunks, [Chunk::Finish(want)], "{word}");
    }
}

#[test]
fn a_generation_that_failed_is_an_error() {
    for (word, kind) in [
        ("ERROR", ErrorKind::Upstream),
        ("TIMEOUT", ErrorKind::Timeout),
    ] {
        let failed = end(json!({"finish_reason": word, "error": "no luck"}));
        let (chunks, error) = REPLAY.read_broken(events([text("a"), failed]));
        assert_eq!(chunks, [Chunk::text("a")]);
        assert_eq!(error.kind, kind);
        assert!(error.message.ends_with(": no luck"), "{}", error.message);
    }
    let (_, error) = REPLAY.read_broken(events([json!({"message": "internal server error"})]));
    assert_eq!(error.kind, ErrorKind::Upstream);
    let error = REPLAY
        .unstreamed(r#"{"finish_reason":"ERROR"}"#)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn an_answer_that_ends_early_is_an_upstream_error() {
    let (chunks, error) = REPLAY.read_broken(events([text("a")]));
    assert_eq!(chunks, [Chunk::text("a")]);
    assert_eq!(error.kind, ErrorKind::Upstream);
    for body in ["{}", r#"{"message":{"content":[]}}"#, "<html>"] {
        let error = REPLAY.unstreamed(body).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream, "{body}");
    }
}
