//! Answers as the wire brings them. What Google documents is replayed from `tests/data`; the rest stands here.

mod endings;
mod one_piece;

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use provider_wire::testing::Replay;
use serde_json::Value;

use crate::{Gemini, call_id};

const STREAM: &str = include_str!("../../tests/data/stream.sse");
const THOUGHTS: &str = include_str!("../../tests/data/stream_thoughts.sse");
const FUNCTION_CALLS: &str = include_str!("../../tests/data/stream_function_calls.sse");
const GROUNDED: &str = include_str!("../../tests/data/stream_grounded.sse");
const BLOCKED: &str = include_str!("../../tests/data/blocked_prompt.sse");
const WHOLE: &str = include_str!("../../tests/data/whole.json");

/// How the answers are played back.
const REPLAY: Replay<Gemini> = Replay {
    provider: Gemini,
    model: "gemini-2.5-flash",
};

fn streamed<P: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = P>) -> Vec<Result<Chunk>> {
    REPLAY.streamed(pieces)
}

fn read(body: impl AsRef<str>) -> Vec<Chunk> {
    REPLAY.read(body)
}

fn read_broken(body: impl AsRef<str>) -> (Vec<Chunk>, Error) {
    REPLAY.read_broken(body)
}

fn whole(body: &str) -> Result<Vec<Chunk>> {
    REPLAY.whole("application/json; charset=UTF-8", body)
}

fn events(events: impl IntoIterator<Item = Value>) -> String {
    events
        .into_iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect()
}

fn parts(parts: Value) -> Value {
    json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}]})
}

fn finish(word: &str) -> Value {
    json!({"candidates": [{"finishReason": word, "index": 0}]})
}

fn documented() -> Vec<Chunk> {
    vec![
        Chunk::text("Grüße"),
        Chunk::text(" 🦀!"),
        Chunk::Usage(Usage {
            input_tokens: 19,
            output_tokens: 10,
            cached_input_tokens: 4,
            reasoning_tokens: 3,
        }),
        Chunk::Finish(FinishReason::Stop),
    ]
}

fn calls(chunks: &[Chunk]) -> Vec<ToolCallDelta> {
    let calls = chunks.iter().filter_map(|chunk| match chunk {
        Chunk::ToolCall(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

#[test]
fn an_answer_streams_and_ends_with_usage_and_reason() {
    assert_eq!(read(STREAM), documented());
    let asked = testing::http_requests().remove(0);
    assert_eq!(
        asked.url,
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    );
    assert_eq!(asked.credential.as_deref(), Some("gemini"));
    assert_eq!(asked.timeout_ms, Some(120_000));
}

#[test]
fn pieces_may_be_split_within_a_character() {
    for at in 0..=STREAM.len() {
        let (head, tail) = STREAM.as_bytes().split_at(at);
        let chunks: Result<Vec<Chunk>> = streamed([head, tail]).into_iter().collect();
        assert_eq!(chunks.unwrap(), documented(), "split at byte {at}");
    }
    let bytes: Result<Vec<Chunk>> = streamed(STREAM.as_bytes().chunks(1)).into_iter().collect();
    assert_eq!(bytes.unwrap(), documented());
}

#[test]
fn carriage_returns_end_lines_too() {
    assert_eq!(read(STREAM.replace('\n', "\r\n")), documented());
}

#[test]
fn comments_blank_events_and_marks_of_the_end_are_passed_over() {
    let body = format!(": hello\n\n\ndata:\n\ndata:  \n\nevent: ping\n\n{STREAM}data: [DONE]\n\n");
    assert_eq!(read(body), documented());
}

#[test]
fn pieces_are_pulled_one_by_one_and_nothing_follows_an_error() {
    testing::reset();
    testing::http(|_| {
        let start = events([parts(json!([{"text": "a"}]))]);
        let answer = testing::response(200).body(start);
        Ok(answer.broken(Error::unavailable("gone")))
    });
    let mut chunks = Gemini.complete(Request::new("m").user("Hi")).unwrap();
    assert_eq!(chunks.next().unwrap().unwrap(), Chunk::text("a"));
    let error = chunks.next().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(chunks.next().is_none());
}

#[test]
fn thoughts_are_reasoning_and_count_as_output() {
    let want = [
        Chunk::Reasoning("**Counting**\n\nOne by one.".to_owned()),
        Chunk::text("Three."),
        Chunk::Usage(Usage {
            input_tokens: 8,
            output_tokens: 42,
            cached_input_tokens: 0,
            reasoning_tokens: 40,
        }),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(read(THOUGHTS), want);
}

#[test]
fn function_calls_come_whole_and_end_the_answer_as_such() {
    let chunks = read(FUNCTION_CALLS);
    assert_eq!(chunks.last(), Some(&Chunk::Finish(FinishReason::ToolCalls)));
    let calls = calls(&chunks);
    let told: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.index,
                call.name.as_deref().unwrap(),
                call.arguments.as_str(),
            )
        })
        .collect();
    let want = [
        (0, "get_weather", r#"{"city":"Paris"}"#),
        (1, "get_weather", r#"{"city":"London"}"#),
        (2, "get_time", "{}"),
    ];
    assert_eq!(told, want);
    let ids: Vec<&str> = calls
        .iter()
        .map(|call| call.id.as_deref().unwrap())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[2], "8f2x1k");
    let signature = call_id::take_back(ids[0]).signature;
    assert_eq!(signature.as_deref(), Some("CpcB0e2Xs+Y/AQ=="));
    assert_eq!(call_id::take_back(ids[1]).signature, None);
}

#[test]
fn a_call_its_result_and_its_signature_go_back() {
    let first = calls(&read(FUNCTION_CALLS));
    let asked = first.iter().map(|call| {
        Part::ToolCall(ToolCall {
            id: call.id.clone().unwrap(),
            name: call.name.clone().unwrap(),
            arguments: call.arguments.clone(),
        })
    });
    let mut request = Request::new("gemini-3-pro-preview").user("Weather?");
    request = request.message(Message {
        role: Role::Assistant,
        name: None,
        parts: asked.collect(),
    });
    for call in &first {
        let id = call.id.clone().unwrap();
        request = request.message(Message::tool_result(id, r#"{"degrees": 21}"#));
    }
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(STREAM)));
    Gemini.complete(request).unwrap().for_each(drop);
    let body = testing::http_requests().remove(0).body.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let want = json!([
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "CpcB0e2Xs+Y/AQ=="},
            {"functionCall": {"name": "get_weather", "args": {"city": "London"}}},
            {"functionCall": {"id": "8f2x1k", "name": "get_time", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "get_weather", "response": {"degrees": 21}}},
            {"functionResponse": {"name": "get_weather", "response": {"degrees": 21}}},
            {"functionResponse": {"id": "8f2x1k", "name": "get_time", "response": {"degrees": 21}}},
        ]},
    ]);
    assert_eq!(body["contents"], want);
}

#[test]
fn a_single_call_with_text_around_it() {
    let call = json!([{"text": "Let me see."}, {"functionCall": {"name": "f", "args": null}}]);
    let chunks = read(events([parts(call), finish("STOP")]));
    assert_eq!(chunks[0], Chunk::text("Let me see."));
    assert_eq!(calls(&chunks)[0].arguments, "{}");
    assert_eq!(chunks[2], Chunk::Finish(FinishReason::ToolCalls));
}

#[test]
fn a_call_without_a_name_is_an_error() {
    let (chunks, error) = read_broken(events([parts(
        json!([{"text": "a"}, {"functionCall": {}}]),
    )]));
    assert_eq!(chunks, [Chunk::text("a")]);
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn pages_are_cited_once_each() {
    let cited = |url: &str, title: Option<&str>| {
        let mut source = Source::url(url);
        source.title = title.map(str::to_owned);
        Chunk::Citation(source)
    };
    let want = [
        Chunk::text("Spain won."),
        cited("https://example.org/final", Some("example.org")),
        cited("https://example.com/news", None),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(read(GROUNDED), want);
}

#[test]
fn unknown_and_empty_things_are_ignored() {
    let body = events([
        json!({"candidates": [], "newField": {"a": [1]}}),
        json!({"candidates": null, "usageMetadata": null}),
        json!({"candidates": [{}]}),
        json!({"candidates": [{"content": {}}]}),
        json!({"candidates": [{"content": {"parts": []}, "tokenCount": 1}]}),
        parts(json!([
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"futureData": {}},
            {"text": "", "thoughtSignature": "AQ=="},
            {"text": "a", "newField": 1},
        ])),
        json!({"candidates": [{"index": 1, "content": {"parts": [{"text": "b"}]}}]}),
        finish("STOP"),
    ]);
    assert_eq!(
        read(body),
        [Chunk::text("a"), Chunk::Finish(FinishReason::Stop)]
    );
}

#[test]
fn usage_is_the_last_word_of_every_count() {
    let body = events([
        json!({"usageMetadata": {"promptTokenCount": 5, "cachedContentTokenCount": 2}}),
        finish("STOP"),
        json!({"usageMetadata": {"promptTokenCount": 6, "candidatesTokenCount": 4, "toolUsePromptTokenCount": 10}}),
    ]);
    let usage = Usage {
        input_tokens: 16,
        output_tokens: 4,
        cached_input_tokens: 2,
        reasoning_tokens: 0,
    };
    assert_eq!(
        read(body),
        [Chunk::Usage(usage), Chunk::Finish(FinishReason::Stop)]
    );
}

#[test]
fn a_whole_answer_is_read_as_one_object_or_a_list() {
    let want = [
        Chunk::text("Grüße 🦀!"),
        Chunk::Usage(Usage::new(19, 7)),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(whole(WHOLE).unwrap(), want);
    let list = json!([parts(json!([{"text": "a"}])), finish("STOP")]);
    let want = [Chunk::text("a"), Chunk::Finish(FinishReason::Stop)];
    assert_eq!(whole(&list.to_string()).unwrap(), want);
}

#[test]
fn a_whole_answer_that_is_none_is_an_error() {
    for body in ["{}", "[]", "7", "<html>"] {
        let error = whole(body).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream, "{body}");
    }
    let error = whole(r#"[{"error": {"code": 429, "message": "slow"}}]"#).unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited);
}
