//! Answers as the wire brings them. What OpenAI documents is replayed from `tests/data`; what look-alikes make of it
//! stands in the tests themselves.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use provider_wire::testing::Replay;
use serde_json::Value;

use crate::OpenAi;

pub const STREAM: &str = include_str!("../../tests/data/chat_stream.sse");
const TOOL_CALLS: &str = include_str!("../../tests/data/chat_tool_calls.sse");
pub const WHOLE: &str = include_str!("../../tests/data/chat_whole.json");
pub const WHOLE_TOOL_CALLS: &str = include_str!("../../tests/data/chat_whole_tool_calls.json");

/// How the answers are played back.
pub const REPLAY: Replay<OpenAi> = Replay {
    provider: OpenAi,
    model: "gpt-4.1",
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
    REPLAY.whole("application/json", body)
}

fn events(events: impl IntoIterator<Item = Value>) -> String {
    events
        .into_iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect()
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(word: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": word}]})
}

/// What these deltas give, without the end.
fn read_deltas(deltas: impl IntoIterator<Item = Value>) -> Vec<Chunk> {
    let deltas = deltas.into_iter().map(delta);
    let mut chunks = read(events(deltas.chain([finish("stop")])));
    assert_eq!(chunks.pop(), Some(Chunk::Finish(FinishReason::Stop)));
    chunks
}

fn usage_of(usage: Value) -> Usage {
    let last = json!({"choices": [], "usage": usage});
    match read(events([finish("stop"), last])).as_slice() {
        [Chunk::Usage(usage), Chunk::Finish(FinishReason::Stop)] => *usage,
        other => panic!("{other:?}"),
    }
}

fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Chunk {
    Chunk::ToolCall(ToolCallDelta {
        index,
        id: id.map(str::to_owned),
        name: name.map(str::to_owned),
        arguments: arguments.to_owned(),
    })
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

#[test]
fn an_answer_streams_and_ends_with_usage_and_reason() {
    assert_eq!(read(STREAM), documented());
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
fn pieces_are_pulled_one_by_one() {
    testing::reset();
    let gone = Error::unavailable("gone");
    testing::http(move |_| {
        let start = events([delta(json!({"content": "a"}))]);
        Ok(testing::response(200).body(start).broken(gone.clone()))
    });
    let mut chunks = OpenAi.complete(Request::new("m").user("Hi")).unwrap();
    assert_eq!(chunks.next().unwrap().unwrap(), Chunk::text("a"));
    let error = chunks.next().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(chunks.next().is_none(), "nothing follows an error");
}

#[test]
fn comments_are_passed_over() {
    let body = format!(": OPENROUTER PROCESSING\n\n:\n\n{STREAM}");
    assert_eq!(read(body), documented());
}

#[test]
fn blank_events_are_passed_over() {
    let body = format!("\n\ndata:\n\ndata:  \n\nevent: ping\n\n{STREAM}");
    assert_eq!(read(body), documented());
}

#[test]
fn carriage_returns_end_lines_too() {
    assert_eq!(read(STREAM.replace('\n', "\r\n")), documented());
}

#[test]
fn usage_may_come_in_the_last_chunk_without_choices() {
    let usage = json!({"prompt_tokens": 7, "completion_tokens": 2});
    for last in [
        json!({"choices": [], "usage": usage}),
        json!({"choices": null, "usage": usage}),
        json!({"usage": usage}),
    ] {
        let chunks = read(events([finish("stop"), last]));
        let want = [
            Chunk::Usage(Usage::new(7, 2)),
            Chunk::Finish(FinishReason::Stop),
        ];
        assert_eq!(chunks, want);
    }
}

#[test]
fn usage_in_every_chunk_is_given_once_and_last() {
    let with_usage = |mut event: Value, output: u64| {
        event["usage"] = json!({"prompt_tokens": 7, "completion_tokens": output});
        event
    };
    let chunks = read(events([
        with_usage(delta(json!({"content": "a"})), 1),
        with_usage(finish("stop"), 2),
    ]));
    let want = [
        Chunk::text("a"),
        Chunk::Usage(Usage::new(7, 2)),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(chunks, want);
}

#[test]
fn the_end_mark_may_be_missing_after_a_finish_reason() {
    let body = STREAM.replace("data: [DONE]\n\n", "");
    assert_eq!(read(body), documented());
}

#[test]
fn the_end_mark_stands_in_for_a_finish_reason() {
    let body = events([delta(json!({"content": "a"}))]) + "data: [DONE]\n\n";
    let want = [Chunk::text("a"), Chunk::Finish(FinishReason::Stop)];
    assert_eq!(read(body), want);
    let piece = json!({"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f"}}]});
    let body = events([delta(piece)]) + "data: [DONE]\n\n";
    let last = read(body).pop();
    assert_eq!(last, Some(Chunk::Finish(FinishReason::ToolCalls)));
}

#[test]
fn the_end_mark_alone_is_no_answer() {
    let (chunks, error) = read_broken("data: [DONE]\n\n");
    assert!(chunks.is_empty());
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn nothing_is_read_after_the_end_mark() {
    let body = format!("{STREAM}data: {{broken\n\n");
    assert_eq!(read(body), documented());
}

#[test]
fn unknown_fields_are_passed_over() {
    let body = events([
        json!({"x_groq": {"id": "1"}, "timings": [1], "prompt_filter_results": []}),
        json!({"choices": [{"delta": {"content": "a", "audio": {"id": 1}}, "stop_reason": 7}]}),
        finish("stop"),
    ]);
    let want = [Chunk::text("a"), Chunk::Finish(FinishReason::Stop)];
    assert_eq!(read(body), want);
}

#[test]
fn nulls_stand_for_what_is_missing() {
    let body = events([
        json!({"choices": [{"index": null, "delta": null, "finish_reason": null}], "error": null}),
        delta(json!({"content": null, "tool_calls": null, "reasoning": null, "refusal": null})),
        finish(""),
        finish("stop"),
    ]);
    assert_eq!(read(body), [Chunk::Finish(FinishReason::Stop)]);
}

#[test]
fn other_choices_are_not_mixed_in() {
    let body = events([json!({"choices": [
        {"index": 1, "delta": {"content": "other"}, "finish_reason": "length"},
        {"index": 0, "delta": {"content": "mine"}, "finish_reason": "stop"},
    ]})]);
    let want = [Chunk::text("mine"), Chunk::Finish(FinishReason::Stop)];
    assert_eq!(read(body), want);
}

#[test]
fn tool_calls_come_in_pieces() {
    let weather = Some("get_current_weather");
    let want = [
        call(0, Some("call_abc123"), weather, ""),
        call(0, None, None, "{\"location\":"),
        call(0, None, None, "\"Boston, MA\"}"),
        call(1, Some("call_def456"), Some("get_time"), ""),
        call(1, None, None, "{}"),
        Chunk::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(read(TOOL_CALLS), want);
}

#[test]
fn tool_calls_without_index_are_told_apart_by_name() {
    let piece = |id: Option<&str>, name: Option<&str>, arguments: &str| json!({"tool_calls": [{"id": id, "function": {"name": name, "arguments": arguments}}]});
    let chunks = read_deltas([
        piece(Some("a"), Some("f"), "{\"x\""),
        piece(None, None, ":1}"),
        piece(Some("b"), Some("g"), "{}"),
    ]);
    let want = [
        call(0, Some("a"), Some("f"), "{\"x\""),
        call(0, None, None, ":1}"),
        call(1, Some("b"), Some("g"), "{}"),
    ];
    assert_eq!(chunks, want);
}

#[test]
fn a_piece_of_a_tool_call_may_lack_the_function() {
    let piece = json!({"tool_calls": [{"index": 0, "id": "a", "function": null}]});
    assert_eq!(read_deltas([piece]), [call(0, Some("a"), None, "")]);
}

#[test]
fn a_name_may_follow_its_id() {
    let id = json!({"tool_calls": [{"index": 0, "id": "a"}]});
    let name = json!({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]});
    let want = [call(0, Some("a"), None, ""), call(0, None, Some("f"), "{}")];
    assert_eq!(read_deltas([id, name]), want);
}

#[test]
fn id_and_name_are_given_once_however_often_they_come() {
    let piece = |arguments: &str| json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": arguments}}]});
    let want = [call(0, Some("a"), Some("f"), "{"), call(0, None, None, "}")];
    assert_eq!(read_deltas([piece("{"), piece("}")]), want);
}

#[test]
fn parallel_calls_may_all_have_the_same_index() {
    let piece = |id: Option<&str>, name: Option<&str>, arguments: &str| json!({"tool_calls": [{"index": 0, "id": id, "function": {"name": name, "arguments": arguments}}]});
    let chunks = read_deltas([
        piece(Some("a"), Some("f"), "{\"x\":1}"),
        piece(Some("b"), Some("f"), "{\"x\""),
        piece(None, None, ":2}"),
    ]);
    let want = [
        call(0, Some("a"), Some("f"), "{\"x\":1}"),
        call(1, Some("b"), Some("f"), "{\"x\""),
        call(1, None, None, ":2}"),
    ];
    assert_eq!(chunks, want);
}

#[test]
fn an_id_that_changes_without_a_name_begins_no_call() {
    let piece = |id: &str, name: Option<&str>, arguments: &str| json!({"tool_calls": [{"index": 0, "id": id, "function": {"name": name, "arguments": arguments}}]});
    let chunks = read_deltas([piece("a", Some("f"), "{"), piece("b", None, "}")]);
    let want = [call(0, Some("a"), Some("f"), "{"), call(0, None, None, "}")];
    assert_eq!(chunks, want);
}

#[test]
fn arguments_may_be_an_object() {
    let object = json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]});
    let nothing = json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g"}}]});
    let want = [
        call(0, Some("a"), Some("f"), "{\"x\":1}"),
        call(1, Some("b"), Some("g"), ""),
    ];
    assert_eq!(read_deltas([object, nothing]), want);
}

#[test]
fn an_error_object_breaks_the_stream_off() {
    let start = events([delta(json!({"content": "a"}))]);
    for (fault, kind, status) in [
        (
            json!({"message": "Overloaded", "type": "overloaded_error"}),
            ErrorKind::Unavailable,
            None,
        ),
        (
            json!({"message": "Slow down", "code": 429, "metadata": {}}),
            ErrorKind::RateLimited,
            Some(429),
        ),
        (
            json!({"message": "Too long", "code": "context_length_exceeded", "param": null}),
            ErrorKind::InvalidInput,
            None,
        ),
        (
            json!({"message": "The server had an error", "type": "server_error"}),
            ErrorKind::Upstream,
            None,
        ),
        (json!("just words"), ErrorKind::Upstream, None),
    ] {
        let body = format!(
            "{start}{}",
            events([json!({"error": fault}), finish("stop")])
        );
        let (chunks, error) = read_broken(body);
        assert_eq!(chunks, [Chunk::text("a")]);
        assert_eq!(
            (error.kind, error.upstream_status),
            (kind, status),
            "{fault}"
        );
        let words = fault["message"].as_str().or(fault.as_str()).unwrap();
        assert!(error.message.ends_with(words), "{}", error.message);
    }
}

#[test]
fn an_error_event_breaks_the_stream_off() {
    for data in [
        r#"{"error":{"message":"Slow down","type":"rate_limit_error"}}"#,
        r#"{"type":"rate_limit_error","message":"Slow down"}"#,
    ] {
        let (_, error) = read_broken(format!("event: error\ndata: {data}\n\n"));
        assert_eq!(error.kind, ErrorKind::RateLimited, "{data}");
        assert!(error.message.ends_with(": Slow down"), "{}", error.message);
    }
    let (_, error) = read_broken("event: error\ndata: it broke\n\n");
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(error.message.ends_with(": it broke"), "{}", error.message);
}

#[test]
fn an_error_without_envelope_breaks_the_stream_off() {
    let body = events([json!({"object": "error", "message": "no room", "code": 500})]);
    let (_, error) = read_broken(body);
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(error.message.ends_with(": no room"), "{}", error.message);
}

#[test]
fn an_error_about_the_key_repeats_nothing_of_it() {
    let fault = json!({"message": "Incorrect API key: sk-123", "code": "invalid_api_key"});
    let (_, error) = read_broken(events([json!({"error": fault})]));
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(!error.message.contains("sk-123"), "{}", error.message);
}

#[test]
fn a_stream_that_ends_early_is_an_upstream_error() {
    let (chunks, error) = read_broken(events([delta(json!({"content": "a"}))]));
    assert_eq!(chunks, [Chunk::text("a")]);
    assert_eq!(error.kind, ErrorKind::Upstream);
    let (chunks, error) = read_broken("");
    assert!(chunks.is_empty());
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn what_does_not_fit_is_an_upstream_error_that_names_the_place() {
    let (_, error) = read_broken(events([json!({"choices": [{"delta": {"refusal": 7}}]})]));
    assert_eq!(error.kind, ErrorKind::Upstream);
    let place = "choices[0].delta.refusal";
    assert!(error.message.contains(place), "{}", error.message);
}

#[test]
fn a_whole_answer_instead_of_a_stream() {
    let want = [
        Chunk::text("Hello! How can I assist you today?"),
        Chunk::Usage(Usage::new(19, 10)),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(whole(WHOLE).unwrap(), want);
}

#[test]
fn a_whole_answer_may_call_tools() {
    let name = Some("get_current_weather");
    let want = [
        call(
            0,
            Some("call_abc123"),
            name,
            "{\"location\": \"Boston, MA\"}",
        ),
        Chunk::Usage(Usage::new(82, 17)),
        Chunk::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(whole(WHOLE_TOOL_CALLS).unwrap(), want);
}

#[test]
fn a_whole_answer_needs_no_finish_reason_but_a_choice() {
    let want = [Chunk::text("a"), Chunk::Finish(FinishReason::Stop)];
    let body = json!({"choices": [{"message": {"content": "a"}}]}).to_string();
    assert_eq!(whole(&body).unwrap(), want);
    let error = whole("{}").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn a_whole_error_under_status_200_is_an_error() {
    let body = json!({"error": {"message": "Slow down", "code": 429}}).to_string();
    assert_eq!(whole(&body).unwrap_err().kind, ErrorKind::RateLimited);
}

#[test]
fn reasoning_has_two_names() {
    let chunks = read_deltas([
        json!({"reasoning_content": "one", "content": null}),
        json!({"reasoning": "two"}),
        json!({"reasoning_content": "", "reasoning": "three"}),
        json!({"reasoning_content": "four", "reasoning": "four"}),
        json!({"reasoning": {"effort": "low"}}),
        json!({"content": "done"}),
    ]);
    let thought = |text: &str| Chunk::Reasoning(text.to_owned());
    let want = [
        thought("one"),
        thought("two"),
        thought("three"),
        thought("four"),
        Chunk::text("done"),
    ];
    assert_eq!(chunks, want);
}

#[test]
fn content_may_come_in_parts() {
    let chunks = read_deltas([
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
        json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
    ]);
    let thought = Chunk::Reasoning("hm".to_owned());
    assert_eq!(chunks, [thought, Chunk::text("a"), Chunk::text("b")]);
}

#[test]
fn a_refusal_is_text() {
    let deltas = [
        json!({"refusal": "I'm sorry, "}),
        json!({"refusal": "I can't."}),
    ];
    let want = [Chunk::text("I'm sorry, "), Chunk::text("I can't.")];
    assert_eq!(read_deltas(deltas), want);
}

#[test]
fn cached_and_reasoning_tokens_are_told() {
    let documented = usage_of(json!({
        "prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }));
    let want = Usage {
        input_tokens: 9,
        output_tokens: 12,
        cached_input_tokens: 8,
        reasoning_tokens: 5,
    };
    assert_eq!(documented, want);
}

#[test]
fn usage_of_look_alikes_is_understood() {
    let deepseek = usage_of(json!({
        "prompt_tokens": 9, "completion_tokens": 12, "prompt_cache_hit_tokens": 6,
        "prompt_tokens_details": null, "completion_tokens_details": {},
    }));
    assert_eq!(
        (deepseek.cached_input_tokens, deepseek.reasoning_tokens),
        (6, 0)
    );
    let only_total = usage_of(json!({"prompt_tokens": 9, "total_tokens": 11}));
    assert_eq!(only_total, Usage::new(9, 2));
}

#[test]
fn citations_are_given_once_each() {
    let page = json!({"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0}});
    let body = events([
        delta(json!({"content": "a", "annotations": [page]})),
        json!({"choices": [], "citations": ["https://a.example", "https://b.example"]}),
        json!({"choices": [], "citations": ["https://a.example", "https://b.example"]}),
        finish("stop"),
    ]);
    let mut page = Source::url("https://a.example");
    page.title = Some("A".to_owned());
    let want = [
        Chunk::text("a"),
        Chunk::Citation(page),
        Chunk::Citation(Source::url("https://b.example")),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(read(body), want);
}

#[test]
fn finish_reasons_are_mapped() {
    for (word, want) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("tool_calls", FinishReason::ToolCalls),
        ("function_call", FinishReason::ToolCalls),
        ("content_filter", FinishReason::ContentFilter),
        ("eos", FinishReason::Stop),
    ] {
        assert_eq!(
            read(events([finish(word)])),
            [Chunk::Finish(want)],
            "{word}"
        );
    }
}
