//! Answers as the wire brings them: what Anthropic's pages show is replayed from `tests/data`, the rest stands here.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;

use super::replay::*;

const TEXT: &str = include_str!("../../tests/data/stream_text.sse");
const TOOL_USE: &str = include_str!("../../tests/data/stream_tool_use.sse");
const THINKING: &str = include_str!("../../tests/data/stream_thinking.sse");
const WEB_SEARCH: &str = include_str!("../../tests/data/stream_web_search.sse");
const WHOLE: &str = include_str!("../../tests/data/message_whole.json");

fn documented() -> Vec<Chunk> {
    vec![
        Chunk::text("Grüße"),
        Chunk::text(" 🦀!"),
        Chunk::Usage(Usage {
            input_tokens: 25 + 7 + 4,
            output_tokens: 15,
            cached_input_tokens: 4,
            reasoning_tokens: 0,
        }),
        Chunk::Finish(FinishReason::Stop),
    ]
}

fn weather() -> Chunk {
    Chunk::Citation(Source {
        title: Some("Weather".to_owned()),
        ..Source::url("https://weather.example/nyc")
    })
}

fn tool(id: &str, input: serde_json::Value) -> serde_json::Value {
    json!({"type": "tool_use", "id": id, "name": "f", "input": input})
}

fn input_json(index: u32, piece: &str) -> serde_json::Value {
    delta(
        index,
        json!({"type": "input_json_delta", "partial_json": piece}),
    )
}

#[test]
fn an_answer_streams_and_ends_with_usage_and_reason() {
    assert_eq!(read(TEXT), documented());
}

#[test]
fn pieces_may_be_split_within_a_character() {
    for at in 0..=TEXT.len() {
        let (head, tail) = TEXT.as_bytes().split_at(at);
        let chunks: Result<Vec<Chunk>> = streamed([head, tail]).into_iter().collect();
        assert_eq!(chunks.unwrap(), documented(), "split at byte {at}");
    }
    let bytes: Result<Vec<Chunk>> = streamed(TEXT.as_bytes().chunks(1)).into_iter().collect();
    assert_eq!(bytes.unwrap(), documented());
}

#[test]
fn carriage_returns_end_lines_too() {
    assert_eq!(read(TEXT.replace('\n', "\r\n")), documented());
}

#[test]
fn comments_and_blank_events_are_passed_over() {
    let body = format!(": hello\n\n:\n\n\n\ndata:\n\ndata:  \n\nevent: ping\n\n{TEXT}");
    assert_eq!(read(body), documented());
}

#[test]
fn the_data_alone_tells_the_event() {
    let body: Vec<&str> = TEXT.lines().filter(|l| !l.starts_with("event:")).collect();
    assert_eq!(read(body.join("\n") + "\n\n"), documented());
}

#[test]
fn the_name_tells_the_event_where_the_data_does_not() {
    assert_eq!(
        read(TEXT.replace("\"type\":\"message_stop\"", "")),
        documented()
    );
}

#[test]
fn nothing_is_read_after_the_end() {
    assert_eq!(read(format!("{TEXT}data: {{broken\n\n")), documented());
}

#[test]
fn tool_calls_come_in_pieces() {
    let want = [
        Chunk::text("Let me check."),
        call(0, "toolu_01X", "get_weather"),
        arguments(0, "{\"location\":"),
        arguments(0, " \"San Francisco, CA\"}"),
        call(1, "toolu_01Y", "get_time"),
        arguments(1, "{}"),
        Chunk::Usage(Usage::new(472, 89)),
        Chunk::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(read(TOOL_USE), want);
}

#[test]
fn an_input_given_at_once_is_handed_out_when_the_block_ends() {
    let chunks = read_within([
        block(0, tool("a", json!({"x": 1}))),
        block_stop(0),
        block(1, tool("b", json!(null))),
        block_stop(1),
        block(2, json!({"type": "tool_use", "id": "c", "name": "f"})),
        block_stop(2),
    ]);
    let want = [
        call(0, "a", "f"),
        arguments(0, "{\"x\":1}"),
        call(1, "b", "f"),
        arguments(1, "{}"),
        call(2, "c", "f"),
        arguments(2, "{}"),
    ];
    assert_eq!(chunks, want);
}

#[test]
fn pieces_of_several_calls_may_be_mixed() {
    let chunks = read_within([
        block(3, tool("a", json!({}))),
        block(5, tool("b", json!({}))),
        input_json(5, "{\"b\":1}"),
        input_json(3, "{\"a\":1}"),
        block_stop(3),
        block_stop(5),
    ]);
    let want = [
        call(0, "a", "f"),
        call(1, "b", "f"),
        arguments(1, "{\"b\":1}"),
        arguments(0, "{\"a\":1}"),
    ];
    assert_eq!(chunks, want);
}

#[test]
fn a_call_whose_block_was_not_closed_has_arguments_all_the_same() {
    let chunks = read_within([block(0, tool("a", json!({})))]);
    assert_eq!(chunks, [call(0, "a", "f"), arguments(0, "{}"),]);
}

#[test]
fn thoughts_are_reasoning_and_end_in_their_signatures() {
    let want = [
        Chunk::Reasoning("1071 = 2 × 462 + 147. ".to_owned()),
        Chunk::Reasoning("The last one is 21.".to_owned()),
        Chunk::ThoughtSignature("c2lnbmF0dXJl".to_owned()),
        // An encrypted thought has nothing to read, and comes back whole.
        Chunk::ThoughtSignature("redacted:ZW5jcnlwdGVk".to_owned()),
        Chunk::text("It is 21."),
        Chunk::Usage(Usage {
            reasoning_tokens: 48,
            ..Usage::new(40, 60)
        }),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(read(THINKING), want);
}

#[test]
fn a_signature_is_told_once_and_whole() {
    let thinking = |field: &str, piece: &str| {
        let kind = format!("{field}_delta");
        delta(0, json!({"type": kind, field: piece}))
    };
    let want = [
        Chunk::Reasoning("hm".to_owned()),
        Chunk::ThoughtSignature("c2ln".to_owned()),
    ];
    let pieces = || {
        [
            block(
                0,
                json!({"type": "thinking", "thinking": "", "signature": ""}),
            ),
            thinking("thinking", "hm"),
            thinking("signature", "c2"),
            thinking("signature", "ln"),
        ]
    };
    assert_eq!(
        read_within(pieces().into_iter().chain([block_stop(0)])),
        want
    );
    assert_eq!(read_within(pieces()), want, "the block was not closed");
}

#[test]
fn pages_are_cited_once_and_the_servers_own_tools_are_no_calls() {
    let want = [
        weather(),
        Chunk::text("It is sunny."),
        Chunk::Usage(Usage::new(10_682, 510)),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(read(WEB_SEARCH), want);
}

#[test]
fn what_has_no_address_is_not_cited() {
    let cite = |citation| delta(0, json!({"type": "citations_delta", "citation": citation}));
    let chunks = read_within([
        cite(json!({"type": "char_location", "document_title": "A", "start_char_index": 0})),
        cite(json!({"type": "search_result_location", "source": "my notes", "title": "N"})),
        cite(json!({"type": "web_search_result_location", "url": "", "title": null})),
        cite(json!({"type": "search_result_location", "source": "https://a.example"})),
    ]);
    let want = Chunk::Citation(Source::url("https://a.example"));
    assert_eq!(chunks, [want]);
}

#[test]
fn a_whole_answer_is_read_too() {
    let want = [
        Chunk::Reasoning("The user greets.".to_owned()),
        Chunk::ThoughtSignature("c2lnbmF0dXJl".to_owned()),
        Chunk::text("Hi! My name is Claude."),
        Chunk::Citation(Source {
            title: Some("Claude".to_owned()),
            ..Source::url("https://a.example/claude")
        }),
        call(0, "toolu_01X", "get_weather"),
        // As the model wrote it: neither order nor numbers are touched.
        arguments(0, "{ \"unit\": \"c\", \"at\": 1.0 }"),
        call(1, "toolu_01Y", "get_time"),
        arguments(1, "{}"),
        Chunk::Usage(Usage {
            input_tokens: 15,
            output_tokens: 20,
            cached_input_tokens: 3,
            reasoning_tokens: 5,
        }),
        Chunk::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(whole(WHOLE).unwrap(), want);
    assert_eq!(REPLAY.unstreamed(WHOLE).unwrap(), want);
}

#[test]
fn a_stream_that_nobody_asked_for_is_read_too() {
    assert_eq!(REPLAY.streamed_unasked(THINKING).unwrap(), read(THINKING));
}

#[test]
fn unknown_events_fields_blocks_and_deltas_are_passed_over() {
    let chunks = read_within([
        json!({"type": "weather_report", "message": "sunny", "delta": 7, "index": "x"}),
        block(0, json!({"type": "hologram", "text": {"depth": 3}})),
        delta(0, json!({"type": "hologram_delta", "text": [1]})),
        block_stop(0),
        block(1, json!({"type": "text", "text": "", "mood": "calm"})),
        delta(
            1,
            json!({"type": "text_delta", "text": "a", "logprob": -0.1}),
        ),
        json!({"type": "ping", "cost": null}),
    ]);
    assert_eq!(chunks, [Chunk::text("a")]);
}

#[test]
fn a_block_may_begin_with_text() {
    let chunks = read_within([
        block(0, json!({"type": "thinking", "thinking": "hm"})),
        block(1, json!({"type": "text", "text": "a"})),
    ]);
    assert_eq!(
        chunks,
        [Chunk::Reasoning("hm".to_owned()), Chunk::text("a"),]
    );
}

#[test]
fn an_empty_answer_is_an_answer() {
    assert_eq!(read_within([]), []);
    let body = json!({"type": "message", "content": [], "stop_reason": "end_turn"});
    let want = [Chunk::Finish(FinishReason::Stop)];
    assert_eq!(whole(body.to_string()).unwrap(), want);
}

#[test]
fn nulls_stand_for_what_is_missing() {
    let chunks = read_within([
        json!({"type": "message_delta", "delta": null, "usage": null}),
        block(0, json!({"type": "text", "text": null, "citations": null})),
        delta(0, json!({"type": "text_delta", "text": null})),
    ]);
    assert_eq!(chunks, []);
}

#[test]
fn the_last_counts_hold_and_a_zero_takes_nothing_back() {
    let mut first = start();
    first["message"]["usage"] = json!({
        "input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": null, "output_tokens": 1,
    });
    let mut last = finish("end_turn");
    last["usage"] =
        json!({"input_tokens": 0, "cache_creation_input_tokens": 5, "output_tokens": 7});
    let chunks = read(events([first, last, stop()]));
    let want = [
        Chunk::Usage(Usage {
            input_tokens: 105,
            output_tokens: 7,
            cached_input_tokens: 90,
            reasoning_tokens: 0,
        }),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(chunks, want);
}

#[test]
fn reasons_to_end() {
    for (word, want) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("pause_turn", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("refusal", FinishReason::ContentFilter),
        ("something_new", FinishReason::Stop),
    ] {
        let chunks = read(events([start(), finish(word), stop()]));
        assert_eq!(chunks, [Chunk::Finish(want)], "{word}");
    }
}
