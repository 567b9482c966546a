//! `chat.completion` and `chat.completion.chunk`.

use expect_test::{Expect, expect};
use inkstone_domain::chat::{
    Chunk, FinishReason, Reply, TokenLogprob, ToolCall, ToolCallDelta, Usage,
};
use inkstone_domain::research::Source;
use inkstone_domain::{Error, codes};
use serde_json::{Value, json};

use crate::answer::{AnswerWriter, EventFrame, Said, WholeReply};
use crate::wire::openai::chunk::ChunkWriter;
use crate::wire::openai::completion::CompletionReply;

/// The whole reply for these choices.
fn whole(replies: impl IntoIterator<Item = Reply>) -> Value {
    let answer = |reply| WholeReply {
        reply,
        is_rerouted: false,
    };
    let answers = replies.into_iter().map(answer).collect();
    serde_json::to_value(CompletionReply::new(answers, "chatcmpl-1".to_owned(), 9)).unwrap()
}

fn token(token: &str, top: &[(&str, f32)]) -> TokenLogprob {
    TokenLogprob {
        token: token.to_owned(),
        logprob: -0.5,
        top: top
            .iter()
            .map(|(token, logprob)| ((*token).to_owned(), *logprob))
            .collect(),
    }
}

#[test]
fn a_whole_answer() {
    let reply = Reply {
        model: "local/m".to_owned(),
        text: "4 °C".to_owned(),
        reasoning: "cold".to_owned(),
        citations: vec![
            Source {
                url: Some("https://example.org".to_owned()),
                ..Source::default()
            },
            Source {
                title: Some("a book".to_owned()),
                ..Source::default()
            },
        ],
        finish: Some(FinishReason::Length),
        usage: Usage {
            input_tokens: 5,
            output_tokens: 3,
            cached_input_tokens: 1,
            reasoning_tokens: 2,
        },
        ..Reply::default()
    };
    assert_eq!(
        whole([reply]),
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 9, "model": "local/m",
            "choices": [{"index": 0, "finish_reason": "length", "logprobs": null, "message": {
                "role": "assistant", "content": "4 °C", "refusal": null, "reasoning_content": "cold",
                "annotations": [{"type": "url_citation", "url_citation": {
                    "url": "https://example.org", "title": "https://example.org", "start_index": 0, "end_index": 0}}],
            }}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8,
                      "prompt_tokens_details": {"cached_tokens": 1},
                      "completion_tokens_details": {"reasoning_tokens": 2}},
        })
    );
}

#[test]
fn an_answer_that_only_calls_tools_has_no_content() {
    let reply = Reply {
        tool_calls: vec![ToolCall {
            id: "c1".to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
        }],
        finish: Some(FinishReason::ToolCalls),
        ..Reply::default()
    };
    let json = whole([reply]);
    assert_eq!(
        json["choices"][0]["message"],
        json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})
    );
    assert_eq!(json["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn several_choices_share_one_reply() {
    let choice = |text: &str, output_tokens| Reply {
        model: "local/m".to_owned(),
        text: text.to_owned(),
        reasoning: "hm".to_owned(),
        thought_signature: Some("sig".to_owned()),
        logprobs: vec![token(text, &[("a", -0.5), ("é", -1.25)])],
        finish: Some(FinishReason::Stop),
        usage: Usage {
            input_tokens: 2,
            output_tokens,
            cached_input_tokens: 1,
            ..Usage::default()
        },
        ..Reply::default()
    };
    let json = whole([choice("a", 1), choice("é", 3)]);
    assert_eq!(json["choices"][0]["index"], 0);
    assert_eq!(
        json["choices"][1],
        json!({"index": 1, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "é", "refusal": null,
                        "reasoning_content": "hm", "reasoning_signature": "sig"},
            "logprobs": {"refusal": null, "content": [
                {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [
                    {"token": "a", "logprob": -0.5, "bytes": [97]},
                    {"token": "é", "logprob": -1.25, "bytes": [195, 169]}]}]}})
    );
    assert_eq!(
        json["usage"],
        json!({"prompt_tokens": 4, "completion_tokens": 4, "total_tokens": 8,
               "prompt_tokens_details": {"cached_tokens": 2},
               "completion_tokens_details": {"reasoning_tokens": 0}})
    );
    assert_eq!(json.get("inkstone"), None);
}

#[test]
fn a_rerouted_answer_names_its_last_model() {
    let answer = |model: &str, is_rerouted| WholeReply {
        reply: Reply {
            model: model.to_owned(),
            ..Reply::default()
        },
        is_rerouted,
    };
    let answers = vec![answer("one/m", false), answer("other/m", true)];
    let reply = CompletionReply::new(answers, String::new(), 0);
    let json = serde_json::to_value(reply).unwrap();
    assert_eq!(json["model"], "other/m");
    assert_eq!(json["inkstone"], json!({"rerouted_to": "other/m"}));
}

/// The data of each event for what is said, without what is the same in all.
fn streamed(writer: &mut ChunkWriter, said: Vec<(usize, Chunk)>) -> String {
    let mut frame = EventFrame::new();
    writer.open(&mut frame);
    for (choice, chunk) in said {
        let (chunk, logprobs) = match chunk {
            Chunk::Logprobs(tokens) => (Chunk::Text("a".to_owned()), tokens),
            chunk => (chunk, Vec::new()),
        };
        let said = Said { chunk, logprobs };
        writer.write(choice, said, &mut frame).unwrap();
    }
    writer.close(&mut frame);
    shown(&mut frame)
}

fn shown(frame: &mut EventFrame) -> String {
    let text = String::from_utf8(frame.take().to_vec()).unwrap();
    text.replace("data: ", "")
        .replace("\n\n", "\n")
        .replace(
            r#""id":"chatcmpl-1","object":"chat.completion.chunk","created":9,"#,
            "",
        )
        .replace(r#""logprobs":null,"finish_reason":null"#, "…")
}

fn check_stream(include_usage: bool, choices: usize, said: Vec<(usize, Chunk)>, expected: Expect) {
    let models = vec!["m".to_owned(); choices];
    let mut writer = ChunkWriter::new("chatcmpl-1".to_owned(), 9, &models, include_usage);
    expected.assert_eq(&streamed(&mut writer, said));
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.to_owned())
}

fn usage(input_tokens: u64, output_tokens: u64) -> Chunk {
    Chunk::Usage(Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    })
}

fn call(id: Option<&str>, name: Option<&str>, arguments: &str) -> Chunk {
    Chunk::ToolCall(ToolCallDelta {
        index: 0,
        id: id.map(str::to_owned),
        name: name.map(str::to_owned),
        arguments: arguments.to_owned(),
    })
}

#[test]
fn a_stream_has_its_order() {
    check_stream(
        true,
        1,
        vec![
            (0, usage(2, 3)),
            (0, Chunk::Reasoning("hm".to_owned())),
            (0, Chunk::ThoughtSignature("sig".to_owned())),
            (0, text("4\n")),
            (0, text("°C")),
            (0, Chunk::Finish(FinishReason::Stop)),
            (0, Chunk::Finish(FinishReason::Length)),
        ],
        expect![[r#"
            {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},…}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"hm"},…}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{"reasoning_signature":"sig"},…}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{"content":"4\n"},…}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{"content":"°C"},…}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}
            {"model":"m","choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}
            [DONE]
        "#]],
    );
}

#[test]
fn usage_is_told_only_if_it_is_asked_for() {
    check_stream(
        false,
        1,
        vec![(0, text("a")), (0, usage(2, 3))],
        expect![[r#"
            {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},…}]}
            {"model":"m","choices":[{"index":0,"delta":{"content":"a"},…}]}
            {"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}
            [DONE]
        "#]],
    );
}

#[test]
fn choices_are_interleaved_and_each_finishes_once() {
    check_stream(
        true,
        2,
        vec![
            (0, text("a")),
            (1, text("b")),
            (1, Chunk::Finish(FinishReason::Length)),
            (1, usage(2, 3)),
            (0, text("c")),
            (0, usage(2, 4)),
        ],
        expect![[r#"
            {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},…}],"usage":null}
            {"model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":""},…}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{"content":"a"},…}],"usage":null}
            {"model":"m","choices":[{"index":1,"delta":{"content":"b"},…}],"usage":null}
            {"model":"m","choices":[{"index":1,"delta":{},"logprobs":null,"finish_reason":"length"}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{"content":"c"},…}],"usage":null}
            {"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}
            {"model":"m","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":7,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}
            [DONE]
        "#]],
    );
}

#[test]
fn log_probabilities_come_with_their_text() {
    check_stream(
        false,
        1,
        vec![(0, Chunk::Logprobs(vec![token("a", &[("b", -2.5)])]))],
        expect![[r#"
            {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},…}]}
            {"model":"m","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-2.5,"bytes":[98]}]}],"refusal":null},"finish_reason":null}]}
            {"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}
            [DONE]
        "#]],
    );
}

#[test]
fn another_model_goes_on_with_one_of_the_choices() {
    check_stream(
        false,
        2,
        vec![
            (1, text("a")),
            (1, Chunk::Rerouted("other/m".to_owned())),
            (1, text("b")),
            (0, text("c")),
        ],
        expect![[r#"
            {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},…}]}
            {"model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":""},…}]}
            {"model":"m","choices":[{"index":1,"delta":{"content":"a"},…}]}
            {"model":"other/m","choices":[{"index":1,"delta":{},…}],"inkstone":{"rerouted_to":"other/m"}}
            {"model":"other/m","choices":[{"index":1,"delta":{"content":"b"},…}]}
            {"model":"m","choices":[{"index":0,"delta":{"content":"c"},…}]}
            {"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}
            {"model":"other/m","choices":[{"index":1,"delta":{},"logprobs":null,"finish_reason":"stop"}]}
            [DONE]
        "#]],
    );
}

#[test]
fn a_stream_of_tool_calls_ends_even_without_a_finish() {
    check_stream(
        false,
        1,
        vec![
            (0, call(Some("c1"), Some("f"), "")),
            (0, call(None, None, "{}")),
        ],
        expect![[r#"
            {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},…}]}
            {"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]},…}]}
            {"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},…}]}
            {"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}
            [DONE]
        "#]],
    );
}

#[test]
fn a_citation_without_an_address_is_not_told() {
    let source = |url: Option<&str>| {
        Chunk::Citation(Source {
            url: url.map(str::to_owned),
            ..Source::default()
        })
    };
    check_stream(
        false,
        1,
        vec![(0, source(None)), (0, source(Some("https://example.org")))],
        expect![[r#"
            {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},…}]}
            {"model":"m","choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation","url_citation":{"url":"https://example.org","title":"https://example.org","start_index":0,"end_index":0}}]},…}]}
            {"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}
            [DONE]
        "#]],
    );
}

#[test]
fn a_broken_stream_ends_with_the_error() {
    let mut writer = ChunkWriter::new("chatcmpl-1".to_owned(), 9, &["m".to_owned()], true);
    let mut frame = EventFrame::new();
    writer.fail(
        &Error::new(&codes::UPSTREAM_TIMEOUT, "too late"),
        &mut frame,
    );
    expect![[r#"
        {"error":{"message":"too late","type":"server_error","code":"upstream_timeout","param":null}}
    "#]].assert_eq(&shown(&mut frame));
}
