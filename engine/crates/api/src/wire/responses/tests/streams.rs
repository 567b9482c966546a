//! The events of a stream, and the response they add up to.

use expect_test::{Expect, expect};
use inkstone_domain::chat::{Chunk, FinishReason, TokenLogprob, ToolCallDelta, Usage};
use inkstone_domain::research::Source;
use inkstone_domain::{Error, codes};
use serde_json::Value;

use crate::answer::{AnswerWriter, EventFrame, Said};
use crate::wire::responses::reply::ResponseEchoReply;
use crate::wire::responses::writer::ResponseWriter;

fn writer() -> ResponseWriter {
    ResponseWriter::new(
        "1".to_owned(),
        9,
        "local/m".to_owned(),
        ResponseEchoReply::default(),
    )
}

fn say(writer: &mut ResponseWriter, chunks: Vec<Chunk>, frame: &mut EventFrame) {
    writer.open(frame);
    for chunk in chunks {
        let (chunk, logprobs) = match chunk {
            Chunk::Logprobs(tokens) => (Chunk::Text("a".to_owned()), tokens),
            chunk => (chunk, Vec::new()),
        };
        writer.write(0, Said { chunk, logprobs }, frame).unwrap();
    }
}

/// The events, each with its number checked and then left out, and with no more of a response than what changes.
fn shown(frame: &mut EventFrame) -> String {
    let text = String::from_utf8(frame.take().to_vec()).unwrap();
    let mut shown = String::new();
    for (number, event) in text.split_terminator("\n\n").enumerate() {
        let (name, data) = event.split_once("\ndata: ").unwrap();
        let name = name.strip_prefix("event: ").unwrap();
        let mut json: Value = serde_json::from_str(data).unwrap();
        let fields = json.as_object_mut().unwrap();
        assert_eq!(fields.remove("type").unwrap(), name);
        assert_eq!(fields.remove("sequence_number").unwrap(), number);
        if let Some(response) = fields.get_mut("response").and_then(Value::as_object_mut) {
            let told = [
                "status",
                "output",
                "incomplete_details",
                "error",
                "usage",
                "inkstone",
            ];
            response.retain(|name, value| {
                let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                told.contains(&name.as_str()) && !is_empty
            });
        }
        shown.push_str(&format!(
            "{} {json}\n",
            name.trim_start_matches("response.")
        ));
    }
    shown
}

fn check(chunks: Vec<Chunk>, expected: Expect) {
    let mut frame = EventFrame::new();
    let mut told = writer();
    say(&mut told, chunks.clone(), &mut frame);
    told.close(&mut frame);
    expected.assert_eq(&shown(&mut frame));
    let mut silent = writer();
    say(&mut silent, chunks, &mut EventFrame::muted());
    silent.close(&mut EventFrame::muted());
    assert_eq!(
        serde_json::to_value(silent.reply()).unwrap(),
        serde_json::to_value(told.reply()).unwrap(),
        "whole and streamed are the same"
    );
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.to_owned())
}

fn usage() -> Chunk {
    Chunk::Usage(Usage {
        input_tokens: 5,
        output_tokens: 3,
        cached_input_tokens: 1,
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

fn source(url: Option<&str>, title: Option<&str>) -> Chunk {
    Chunk::Citation(Source {
        url: url.map(str::to_owned),
        title: title.map(str::to_owned),
        ..Source::default()
    })
}

#[test]
fn a_whole_response() {
    let mut writer = writer();
    let mut muted = EventFrame::muted();
    let chunks = vec![text("4 °C"), Chunk::Finish(FinishReason::Stop), usage()];
    say(&mut writer, chunks, &mut muted);
    writer.close(&mut muted);
    assert_eq!(muted.len(), 0);
    expect![[r#"
        {
          "id": "resp_1",
          "object": "response",
          "created_at": 9,
          "status": "completed",
          "error": null,
          "incomplete_details": null,
          "model": "local/m",
          "output": [
            {
              "type": "message",
              "id": "msg_1_0",
              "status": "completed",
              "role": "assistant",
              "content": [
                {
                  "type": "output_text",
                  "text": "4 °C",
                  "annotations": [],
                  "logprobs": []
                }
              ]
            }
          ],
          "usage": {
            "input_tokens": 5,
            "input_tokens_details": {
              "cached_tokens": 1,
              "cache_write_tokens": 0
            },
            "output_tokens": 3,
            "output_tokens_details": {
              "reasoning_tokens": 2
            },
            "total_tokens": 8
          },
          "background": false,
          "previous_response_id": null,
          "store": false,
          "truncation": "disabled",
          "instructions": null,
          "max_output_tokens": null,
          "metadata": {},
          "parallel_tool_calls": false,
          "reasoning": {
            "effort": null,
            "summary": null
          },
          "temperature": null,
          "text": {
            "format": {
              "type": "text"
            }
          },
          "tool_choice": "auto",
          "tools": [],
          "top_logprobs": null,
          "top_p": null
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&writer.reply()).unwrap());
}

#[test]
fn text_comes_in_pieces() {
    check(
        vec![
            text(""),
            text("he"),
            text("llo"),
            Chunk::Finish(FinishReason::Stop),
            usage(),
        ],
        expect![[r#"
            created {"response":{"status":"in_progress"}}
            in_progress {"response":{"status":"in_progress"}}
            output_item.added {"item":{"content":[],"id":"msg_1_0","role":"assistant","status":"in_progress","type":"message"},"output_index":0}
            content_part.added {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"","type":"output_text"}}
            output_text.delta {"content_index":0,"delta":"he","item_id":"msg_1_0","logprobs":[],"output_index":0}
            output_text.delta {"content_index":0,"delta":"llo","item_id":"msg_1_0","logprobs":[],"output_index":0}
            output_text.done {"content_index":0,"item_id":"msg_1_0","logprobs":[],"output_index":0,"text":"hello"}
            content_part.done {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"hello","type":"output_text"}}
            output_item.done {"item":{"content":[{"annotations":[],"logprobs":[],"text":"hello","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"},"output_index":0}
            completed {"response":{"output":[{"content":[{"annotations":[],"logprobs":[],"text":"hello","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"}],"status":"completed","usage":{"input_tokens":5,"input_tokens_details":{"cache_write_tokens":0,"cached_tokens":1},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":8}}}
        "#]],
    );
}

#[test]
fn a_thought_stands_before_the_text_and_carries_its_proof() {
    check(
        vec![
            Chunk::Reasoning("h".to_owned()),
            Chunk::Reasoning("m".to_owned()),
            Chunk::ThoughtSignature("sig".to_owned()),
            text("a"),
        ],
        expect![[r#"
            created {"response":{"status":"in_progress"}}
            in_progress {"response":{"status":"in_progress"}}
            output_item.added {"item":{"encrypted_content":null,"id":"rs_1_0","status":"in_progress","summary":[],"type":"reasoning"},"output_index":0}
            reasoning_summary_part.added {"item_id":"rs_1_0","output_index":0,"part":{"text":"","type":"summary_text"},"summary_index":0}
            reasoning_summary_text.delta {"delta":"h","item_id":"rs_1_0","output_index":0,"summary_index":0}
            reasoning_summary_text.delta {"delta":"m","item_id":"rs_1_0","output_index":0,"summary_index":0}
            reasoning_summary_text.done {"item_id":"rs_1_0","output_index":0,"summary_index":0,"text":"hm"}
            reasoning_summary_part.done {"item_id":"rs_1_0","output_index":0,"part":{"text":"hm","type":"summary_text"},"summary_index":0}
            output_item.done {"item":{"encrypted_content":"sig","id":"rs_1_0","status":"completed","summary":[{"text":"hm","type":"summary_text"}],"type":"reasoning"},"output_index":0}
            output_item.added {"item":{"content":[],"id":"msg_1_1","role":"assistant","status":"in_progress","type":"message"},"output_index":1}
            content_part.added {"content_index":0,"item_id":"msg_1_1","output_index":1,"part":{"annotations":[],"logprobs":[],"text":"","type":"output_text"}}
            output_text.delta {"content_index":0,"delta":"a","item_id":"msg_1_1","logprobs":[],"output_index":1}
            output_text.done {"content_index":0,"item_id":"msg_1_1","logprobs":[],"output_index":1,"text":"a"}
            content_part.done {"content_index":0,"item_id":"msg_1_1","output_index":1,"part":{"annotations":[],"logprobs":[],"text":"a","type":"output_text"}}
            output_item.done {"item":{"content":[{"annotations":[],"logprobs":[],"text":"a","type":"output_text"}],"id":"msg_1_1","role":"assistant","status":"completed","type":"message"},"output_index":1}
            completed {"response":{"output":[{"encrypted_content":"sig","id":"rs_1_0","status":"completed","summary":[{"text":"hm","type":"summary_text"}],"type":"reasoning"},{"content":[{"annotations":[],"logprobs":[],"text":"a","type":"output_text"}],"id":"msg_1_1","role":"assistant","status":"completed","type":"message"}],"status":"completed"}}
        "#]],
    );
}

#[test]
fn a_proof_without_a_thought() {
    check(
        vec![Chunk::ThoughtSignature("sig".to_owned())],
        expect![[r#"
        created {"response":{"status":"in_progress"}}
        in_progress {"response":{"status":"in_progress"}}
        output_item.added {"item":{"encrypted_content":null,"id":"rs_1_0","status":"in_progress","summary":[],"type":"reasoning"},"output_index":0}
        output_item.done {"item":{"encrypted_content":"sig","id":"rs_1_0","status":"completed","summary":[],"type":"reasoning"},"output_index":0}
        completed {"response":{"output":[{"encrypted_content":"sig","id":"rs_1_0","status":"completed","summary":[],"type":"reasoning"}],"status":"completed"}}
    "#]],
    );
}

#[test]
fn calls_stay_open_to_the_end() {
    check(
        vec![
            text("see"),
            call(0, Some("c1"), Some("weather"), ""),
            call(1, None, Some("clock"), "{"),
            call(0, None, None, "{\"city\":\"Oslo\"}"),
            call(1, None, None, "}"),
            Chunk::Finish(FinishReason::ToolCalls),
        ],
        expect![[r#"
            created {"response":{"status":"in_progress"}}
            in_progress {"response":{"status":"in_progress"}}
            output_item.added {"item":{"content":[],"id":"msg_1_0","role":"assistant","status":"in_progress","type":"message"},"output_index":0}
            content_part.added {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"","type":"output_text"}}
            output_text.delta {"content_index":0,"delta":"see","item_id":"msg_1_0","logprobs":[],"output_index":0}
            output_text.done {"content_index":0,"item_id":"msg_1_0","logprobs":[],"output_index":0,"text":"see"}
            content_part.done {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"see","type":"output_text"}}
            output_item.done {"item":{"content":[{"annotations":[],"logprobs":[],"text":"see","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"},"output_index":0}
            output_item.added {"item":{"arguments":"","call_id":"c1","id":"fc_1_1","name":"weather","status":"in_progress","type":"function_call"},"output_index":1}
            output_item.added {"item":{"arguments":"","call_id":"call_1_2","id":"fc_1_2","name":"clock","status":"in_progress","type":"function_call"},"output_index":2}
            function_call_arguments.delta {"delta":"{","item_id":"fc_1_2","output_index":2}
            function_call_arguments.delta {"delta":"{\"city\":\"Oslo\"}","item_id":"fc_1_1","output_index":1}
            function_call_arguments.delta {"delta":"}","item_id":"fc_1_2","output_index":2}
            function_call_arguments.done {"arguments":"{\"city\":\"Oslo\"}","item_id":"fc_1_1","name":"weather","output_index":1}
            output_item.done {"item":{"arguments":"{\"city\":\"Oslo\"}","call_id":"c1","id":"fc_1_1","name":"weather","status":"completed","type":"function_call"},"output_index":1}
            function_call_arguments.done {"arguments":"{}","item_id":"fc_1_2","name":"clock","output_index":2}
            output_item.done {"item":{"arguments":"{}","call_id":"call_1_2","id":"fc_1_2","name":"clock","status":"completed","type":"function_call"},"output_index":2}
            completed {"response":{"output":[{"content":[{"annotations":[],"logprobs":[],"text":"see","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"},{"arguments":"{\"city\":\"Oslo\"}","call_id":"c1","id":"fc_1_1","name":"weather","status":"completed","type":"function_call"},{"arguments":"{}","call_id":"call_1_2","id":"fc_1_2","name":"clock","status":"completed","type":"function_call"}],"status":"completed"}}
        "#]],
    );
}

#[test]
fn citations_wait_for_their_text() {
    check(
        vec![
            source(Some("https://example.org"), Some("An example")),
            source(None, Some("a book")),
            text("a"),
            source(Some("https://example.org/b"), None),
        ],
        expect![[r#"
            created {"response":{"status":"in_progress"}}
            in_progress {"response":{"status":"in_progress"}}
            output_item.added {"item":{"content":[],"id":"msg_1_0","role":"assistant","status":"in_progress","type":"message"},"output_index":0}
            content_part.added {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"","type":"output_text"}}
            output_text.annotation.added {"annotation":{"end_index":0,"start_index":0,"title":"An example","type":"url_citation","url":"https://example.org"},"annotation_index":0,"content_index":0,"item_id":"msg_1_0","output_index":0}
            output_text.delta {"content_index":0,"delta":"a","item_id":"msg_1_0","logprobs":[],"output_index":0}
            output_text.annotation.added {"annotation":{"end_index":0,"start_index":0,"title":"https://example.org/b","type":"url_citation","url":"https://example.org/b"},"annotation_index":1,"content_index":0,"item_id":"msg_1_0","output_index":0}
            output_text.done {"content_index":0,"item_id":"msg_1_0","logprobs":[],"output_index":0,"text":"a"}
            content_part.done {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[{"end_index":0,"start_index":0,"title":"An example","type":"url_citation","url":"https://example.org"},{"end_index":0,"start_index":0,"title":"https://example.org/b","type":"url_citation","url":"https://example.org/b"}],"logprobs":[],"text":"a","type":"output_text"}}
            output_item.done {"item":{"content":[{"annotations":[{"end_index":0,"start_index":0,"title":"An example","type":"url_citation","url":"https://example.org"},{"end_index":0,"start_index":0,"title":"https://example.org/b","type":"url_citation","url":"https://example.org/b"}],"logprobs":[],"text":"a","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"},"output_index":0}
            completed {"response":{"output":[{"content":[{"annotations":[{"end_index":0,"start_index":0,"title":"An example","type":"url_citation","url":"https://example.org"},{"end_index":0,"start_index":0,"title":"https://example.org/b","type":"url_citation","url":"https://example.org/b"}],"logprobs":[],"text":"a","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"}],"status":"completed"}}
        "#]],
    );
}

#[test]
fn log_probabilities_come_with_their_text() {
    let token = TokenLogprob {
        token: "a".to_owned(),
        logprob: -0.5,
        top: Vec::new(),
    };
    check(
        vec![Chunk::Logprobs(vec![token])],
        expect![[r#"
        created {"response":{"status":"in_progress"}}
        in_progress {"response":{"status":"in_progress"}}
        output_item.added {"item":{"content":[],"id":"msg_1_0","role":"assistant","status":"in_progress","type":"message"},"output_index":0}
        content_part.added {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"","type":"output_text"}}
        output_text.delta {"content_index":0,"delta":"a","item_id":"msg_1_0","logprobs":[{"bytes":[97],"logprob":-0.5,"token":"a","top_logprobs":[]}],"output_index":0}
        output_text.done {"content_index":0,"item_id":"msg_1_0","logprobs":[{"bytes":[97],"logprob":-0.5,"token":"a","top_logprobs":[]}],"output_index":0,"text":"a"}
        content_part.done {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[{"bytes":[97],"logprob":-0.5,"token":"a","top_logprobs":[]}],"text":"a","type":"output_text"}}
        output_item.done {"item":{"content":[{"annotations":[],"logprobs":[{"bytes":[97],"logprob":-0.5,"token":"a","top_logprobs":[]}],"text":"a","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"},"output_index":0}
        completed {"response":{"output":[{"content":[{"annotations":[],"logprobs":[{"bytes":[97],"logprob":-0.5,"token":"a","top_logprobs":[]}],"text":"a","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"completed","type":"message"}],"status":"completed"}}
    "#]],
    );
}

#[test]
fn an_answer_that_is_cut_is_incomplete() {
    check(
        vec![text("a"), Chunk::Finish(FinishReason::Length)],
        expect![[r#"
            created {"response":{"status":"in_progress"}}
            in_progress {"response":{"status":"in_progress"}}
            output_item.added {"item":{"content":[],"id":"msg_1_0","role":"assistant","status":"in_progress","type":"message"},"output_index":0}
            content_part.added {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"","type":"output_text"}}
            output_text.delta {"content_index":0,"delta":"a","item_id":"msg_1_0","logprobs":[],"output_index":0}
            output_text.done {"content_index":0,"item_id":"msg_1_0","logprobs":[],"output_index":0,"text":"a"}
            content_part.done {"content_index":0,"item_id":"msg_1_0","output_index":0,"part":{"annotations":[],"logprobs":[],"text":"a","type":"output_text"}}
            output_item.done {"item":{"content":[{"annotations":[],"logprobs":[],"text":"a","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"incomplete","type":"message"},"output_index":0}
            incomplete {"response":{"incomplete_details":{"reason":"max_output_tokens"},"output":[{"content":[{"annotations":[],"logprobs":[],"text":"a","type":"output_text"}],"id":"msg_1_0","role":"assistant","status":"incomplete","type":"message"}],"status":"incomplete"}}
        "#]],
    );
    check(
        vec![
            call(0, Some("c1"), Some("f"), "{}"),
            call(1, Some("c2"), Some("f"), "{"),
            Chunk::Finish(FinishReason::ContentFilter),
        ],
        expect![[r#"
            created {"response":{"status":"in_progress"}}
            in_progress {"response":{"status":"in_progress"}}
            output_item.added {"item":{"arguments":"","call_id":"c1","id":"fc_1_0","name":"f","status":"in_progress","type":"function_call"},"output_index":0}
            function_call_arguments.delta {"delta":"{}","item_id":"fc_1_0","output_index":0}
            output_item.added {"item":{"arguments":"","call_id":"c2","id":"fc_1_1","name":"f","status":"in_progress","type":"function_call"},"output_index":1}
            function_call_arguments.delta {"delta":"{","item_id":"fc_1_1","output_index":1}
            function_call_arguments.done {"arguments":"{}","item_id":"fc_1_0","name":"f","output_index":0}
            output_item.done {"item":{"arguments":"{}","call_id":"c1","id":"fc_1_0","name":"f","status":"completed","type":"function_call"},"output_index":0}
            function_call_arguments.done {"arguments":"{","item_id":"fc_1_1","name":"f","output_index":1}
            output_item.done {"item":{"arguments":"{","call_id":"c2","id":"fc_1_1","name":"f","status":"incomplete","type":"function_call"},"output_index":1}
            incomplete {"response":{"incomplete_details":{"reason":"content_filter"},"output":[{"arguments":"{}","call_id":"c1","id":"fc_1_0","name":"f","status":"completed","type":"function_call"},{"arguments":"{","call_id":"c2","id":"fc_1_1","name":"f","status":"incomplete","type":"function_call"}],"status":"incomplete"}}
        "#]],
    );
}

#[test]
fn nothing_was_said() {
    check(
        vec![Chunk::Finish(FinishReason::Stop)],
        expect![[r#"
        created {"response":{"status":"in_progress"}}
        in_progress {"response":{"status":"in_progress"}}
        completed {"response":{"status":"completed"}}
    "#]],
    );
}

#[test]
fn another_model_goes_on() {
    let mut writer = writer();
    let mut frame = EventFrame::muted();
    say(
        &mut writer,
        vec![text("a"), Chunk::Rerouted("other/m".to_owned()), text("b")],
        &mut frame,
    );
    writer.close(&mut frame);
    let reply = serde_json::to_value(writer.reply()).unwrap();
    assert_eq!(reply["model"], "other/m");
    assert_eq!(reply["inkstone"]["rerouted_to"], "other/m");
    assert_eq!(reply["output"][0]["content"][0]["text"], "ab");
}

#[test]
fn a_broken_stream_ends_with_the_error_and_what_there_was() {
    let mut frame = EventFrame::new();
    let mut writer = writer();
    say(
        &mut writer,
        vec![Chunk::Reasoning("hm".to_owned()), text("a")],
        &mut frame,
    );
    frame.take();
    let error = Error::new(&codes::UPSTREAM_TIMEOUT, "too late");
    writer.fail(&error, &mut frame);
    let text = String::from_utf8(frame.take().to_vec()).unwrap();
    let (error, response) = text.split_once("\n\n").unwrap();
    expect![[r#"
        event: error
        data: {"type":"error","sequence_number":11,"code":"upstream_timeout","message":"too late","param":null}"#]].assert_eq(error);
    assert!(
        response.starts_with("event: response.failed\n"),
        "{response}"
    );
    let reply = serde_json::to_value(writer.reply()).unwrap();
    expect![[r#""failed" {"code":"upstream_timeout","message":"too late"} [{"encrypted_content":null,"id":"rs_1_0","status":"completed","summary":[{"text":"hm","type":"summary_text"}],"type":"reasoning"},{"content":[{"annotations":[],"logprobs":[],"text":"a","type":"output_text"}],"id":"msg_1_1","role":"assistant","status":"incomplete","type":"message"}]"#]].assert_eq(&format!(
        "{} {} {}",
        reply["status"], reply["error"], reply["output"]
    ));
}

#[test]
fn too_many_calls_are_dropped() {
    let mut writer = writer();
    let mut frame = EventFrame::muted();
    let calls = (0..200).map(|index| call(index, None, Some("f"), "{}"));
    say(&mut writer, calls.collect(), &mut frame);
    writer.close(&mut frame);
    let reply = serde_json::to_value(writer.reply()).unwrap();
    assert_eq!(reply["output"].as_array().unwrap().len(), 128);
}
