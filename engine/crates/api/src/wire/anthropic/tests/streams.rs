//! The events of a stream, and the message they add up to.

use expect_test::{Expect, expect};
use inkstone_domain::chat::{Chunk, FinishReason, ToolCallDelta, Usage};
use inkstone_domain::research::Source;
use inkstone_domain::{Error, codes};
use serde_json::{Value, json};

use crate::answer::{AnswerWriter, EventFrame, Said};
use crate::middleware::RequestId;
use crate::wire::anthropic::writer::MessageWriter;

fn writer() -> MessageWriter {
    let request_id = RequestId::accept_or_make(&Default::default());
    MessageWriter::new("msg_1".to_owned(), "local/m".to_owned(), request_id)
}

fn say(
    writer: &mut MessageWriter,
    chunks: Vec<Chunk>,
    frame: &mut EventFrame,
) -> Result<(), Error> {
    writer.open(frame);
    for chunk in chunks {
        let logprobs = Vec::new();
        writer.write(0, Said { chunk, logprobs }, frame)?;
    }
    Ok(())
}

/// The events, without the types that are their names.
fn shown(frame: &mut EventFrame) -> String {
    let text = String::from_utf8(frame.take().to_vec()).unwrap();
    let mut shown = String::new();
    for event in text.split_terminator("\n\n") {
        let (name, data) = event.split_once("\ndata: ").unwrap();
        let name = name.strip_prefix("event: ").unwrap();
        let mut json: Value = serde_json::from_str(data).unwrap();
        let kind = json.as_object_mut().unwrap().remove("type").unwrap();
        assert_eq!(kind, name);
        shown.push_str(&format!("{name} {json}\n"));
    }
    shown
}

/// Checks the events after the first, and that the whole message is the same.
fn check(chunks: Vec<Chunk>, expected: Expect) {
    let mut frame = EventFrame::new();
    let mut told = writer();
    say(&mut told, chunks.clone(), &mut frame).unwrap();
    told.close(&mut frame);
    let events = shown(&mut frame);
    let (start, rest) = events.split_once('\n').unwrap();
    assert!(start.starts_with("message_start "), "{start}");
    expected.assert_eq(rest);
    assert_eq!(whole(chunks), serde_json::to_value(told.reply()).unwrap());
}

fn whole(chunks: Vec<Chunk>) -> Value {
    let mut writer = writer();
    let mut muted = EventFrame::muted();
    say(&mut writer, chunks, &mut muted).unwrap();
    writer.close(&mut muted);
    serde_json::to_value(writer.reply()).unwrap()
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.to_owned())
}

fn finish(reason: FinishReason) -> Chunk {
    Chunk::Finish(reason)
}

fn usage() -> Chunk {
    Chunk::Usage(Usage {
        input_tokens: 5,
        output_tokens: 3,
        cached_input_tokens: 4,
        reasoning_tokens: 2,
    })
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
fn a_whole_message() {
    assert_eq!(
        whole(vec![text("4 °C"), finish(FinishReason::Stop), usage()]),
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "local/m",
               "content": [{"type": "text", "text": "4 °C"}],
               "stop_reason": "end_turn", "stop_sequence": null,
               "usage": {"input_tokens": 1, "cache_read_input_tokens": 4,
                         "cache_creation_input_tokens": 0, "output_tokens": 3}})
    );
}

#[test]
fn a_message_begins_empty() {
    let mut frame = EventFrame::new();
    writer().open(&mut frame);
    expect![[r#"
        message_start {"message":{"content":[],"id":"msg_1","model":"local/m","role":"assistant","stop_reason":null,"stop_sequence":null,"type":"message","usage":{"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"input_tokens":0,"output_tokens":0}}}
    "#]].assert_eq(&shown(&mut frame));
}

#[test]
fn text_comes_in_pieces() {
    check(
        vec![
            text(""),
            text("he"),
            text("llo"),
            finish(FinishReason::Stop),
            usage(),
        ],
        expect![[r#"
            content_block_start {"content_block":{"text":"","type":"text"},"index":0}
            content_block_delta {"delta":{"text":"he","type":"text_delta"},"index":0}
            content_block_delta {"delta":{"text":"llo","type":"text_delta"},"index":0}
            content_block_stop {"index":0}
            message_delta {"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"input_tokens":1,"output_tokens":3}}
            message_stop {}
        "#]],
    );
}

#[test]
fn thoughts_come_with_their_proofs() {
    check(
        vec![
            Chunk::Reasoning("h".to_owned()),
            Chunk::Reasoning("m".to_owned()),
            Chunk::ThoughtSignature("sig".to_owned()),
            Chunk::Reasoning("and".to_owned()),
            Chunk::ThoughtSignature("sig2".to_owned()),
            Chunk::ThoughtSignature("redacted:xyz".to_owned()),
            text("a"),
        ],
        expect![[r#"
            content_block_start {"content_block":{"signature":"","thinking":"","type":"thinking"},"index":0}
            content_block_delta {"delta":{"thinking":"h","type":"thinking_delta"},"index":0}
            content_block_delta {"delta":{"thinking":"m","type":"thinking_delta"},"index":0}
            content_block_delta {"delta":{"signature":"sig","type":"signature_delta"},"index":0}
            content_block_stop {"index":0}
            content_block_start {"content_block":{"signature":"","thinking":"","type":"thinking"},"index":1}
            content_block_delta {"delta":{"thinking":"and","type":"thinking_delta"},"index":1}
            content_block_delta {"delta":{"signature":"sig2","type":"signature_delta"},"index":1}
            content_block_stop {"index":1}
            content_block_start {"content_block":{"data":"xyz","type":"redacted_thinking"},"index":2}
            content_block_stop {"index":2}
            content_block_start {"content_block":{"text":"","type":"text"},"index":3}
            content_block_delta {"delta":{"text":"a","type":"text_delta"},"index":3}
            content_block_stop {"index":3}
            message_delta {"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"input_tokens":0,"output_tokens":0}}
            message_stop {}
        "#]],
    );
}

#[test]
fn calls_follow_each_other() {
    check(
        vec![
            text("see"),
            call(0, Some("c1"), Some("weather"), ""),
            call(0, None, None, "{\"city\":"),
            call(0, None, None, "\"Oslo\"}"),
            call(1, None, Some("clock"), ""),
            // Says nothing, so it may come late.
            call(0, None, None, ""),
            finish(FinishReason::ToolCalls),
        ],
        expect![[r#"
            content_block_start {"content_block":{"text":"","type":"text"},"index":0}
            content_block_delta {"delta":{"text":"see","type":"text_delta"},"index":0}
            content_block_stop {"index":0}
            content_block_start {"content_block":{"id":"c1","input":{},"name":"weather","type":"tool_use"},"index":1}
            content_block_delta {"delta":{"partial_json":"{\"city\":","type":"input_json_delta"},"index":1}
            content_block_delta {"delta":{"partial_json":"\"Oslo\"}","type":"input_json_delta"},"index":1}
            content_block_stop {"index":1}
            content_block_start {"content_block":{"id":"toolu_msg_1_2","input":{},"name":"clock","type":"tool_use"},"index":2}
            content_block_stop {"index":2}
            message_delta {"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"input_tokens":0,"output_tokens":0}}
            message_stop {}
        "#]],
    );
}

#[test]
fn what_a_model_wrote_is_told_even_if_it_is_no_json() {
    let input = |arguments: &str| {
        let calls = vec![call(0, Some("c1"), Some("f"), arguments)];
        whole(calls)["content"][0]["input"].clone()
    };
    assert_eq!(input(r#"{"a": [1]}"#), json!({"a": [1]}));
    assert_eq!(input(""), json!({}));
    assert_eq!(input("{\"a\": "), json!("{\"a\":"));
}

#[test]
fn a_mixture_of_calls_can_only_be_told_as_a_whole() {
    let chunks = || {
        vec![
            call(0, Some("c1"), Some("f"), "{"),
            call(1, Some("c2"), Some("g"), "{"),
            call(0, None, None, "}"),
            call(1, None, None, "}"),
        ]
    };
    let content = whole(chunks())["content"].clone();
    assert_eq!(
        content,
        json!([{"type": "tool_use", "id": "c1", "name": "f", "input": {}},
               {"type": "tool_use", "id": "c2", "name": "g", "input": {}}])
    );
    let error = say(&mut writer(), chunks(), &mut EventFrame::new()).unwrap_err();
    assert_eq!(error.code().name, "upstream_error");
}

#[test]
fn citations_wait_for_their_text() {
    let source = |url: Option<&str>| {
        Chunk::Citation(Source {
            url: url.map(str::to_owned),
            title: Some("A title".to_owned()),
            ..Source::default()
        })
    };
    check(
        vec![
            source(Some("https://example.org")),
            source(None),
            text("a"),
            source(Some("https://example.org/b")),
        ],
        expect![[r#"
            content_block_start {"content_block":{"text":"","type":"text"},"index":0}
            content_block_delta {"delta":{"citation":{"cited_text":"","encrypted_index":"","title":"A title","type":"web_search_result_location","url":"https://example.org"},"type":"citations_delta"},"index":0}
            content_block_delta {"delta":{"text":"a","type":"text_delta"},"index":0}
            content_block_delta {"delta":{"citation":{"cited_text":"","encrypted_index":"","title":"A title","type":"web_search_result_location","url":"https://example.org/b"},"type":"citations_delta"},"index":0}
            content_block_stop {"index":0}
            message_delta {"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"input_tokens":0,"output_tokens":0}}
            message_stop {}
        "#]],
    );
}

#[test]
fn every_end_has_its_word() {
    let stop_reason = |chunks| whole(chunks)["stop_reason"].clone();
    let tool = || call(0, Some("c1"), Some("f"), "{}");
    for (chunks, expected) in [
        (vec![finish(FinishReason::Stop)], "end_turn"),
        (vec![finish(FinishReason::Length)], "max_tokens"),
        (vec![finish(FinishReason::ContentFilter)], "refusal"),
        (vec![tool(), finish(FinishReason::ToolCalls)], "tool_use"),
        (vec![tool(), finish(FinishReason::Stop)], "tool_use"),
        (vec![tool(), finish(FinishReason::Length)], "max_tokens"),
        (vec![], "end_turn"),
    ] {
        assert_eq!(stop_reason(chunks), expected);
    }
}

#[test]
fn another_model_goes_on() {
    check(
        vec![Chunk::Rerouted("other/m".to_owned()), text("b")],
        expect![[r#"
            content_block_start {"content_block":{"text":"","type":"text"},"index":0}
            content_block_delta {"delta":{"text":"b","type":"text_delta"},"index":0}
            content_block_stop {"index":0}
            message_delta {"delta":{"stop_reason":"end_turn","stop_sequence":null},"inkstone":{"rerouted_to":"other/m"},"usage":{"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"input_tokens":0,"output_tokens":0}}
            message_stop {}
        "#]],
    );
    let reply = whole(vec![Chunk::Rerouted("other/m".to_owned())]);
    assert_eq!(reply["model"], "other/m");
    assert_eq!(reply["inkstone"], json!({"rerouted_to": "other/m"}));
}

#[test]
fn a_broken_stream_ends_with_the_error() {
    let mut frame = EventFrame::new();
    let mut writer = writer();
    writer.fail(
        &Error::new(&codes::UPSTREAM_TIMEOUT, "too late"),
        &mut frame,
    );
    writer.keep_alive(&mut frame);
    let events = shown(&mut frame);
    let (error, ping) = events.split_once('\n').unwrap();
    assert_eq!(ping, "ping {}\n");
    let error: Value = serde_json::from_str(error.strip_prefix("error ").unwrap()).unwrap();
    assert_eq!(
        error["error"],
        json!({"type": "timeout_error", "message": "too late", "code": "upstream_timeout"})
    );
    assert_eq!(error["request_id"].as_str().unwrap().len(), 26);
}
