//! The conversion from and to OpenAI's shapes, without a server.

use expect_test::{Expect, expect};
use inkstone_domain::Error;
use inkstone_domain::chat::{
    Chunk, EmbedReply, FinishReason, ImageSource, Part, Reply, Request, ResponseFormat, Role,
    ToolCall, ToolCallDelta, ToolChoice, Usage,
};
use inkstone_domain::research::Source;
use serde_json::{Value, json};

use super::chat_request::{ChatRequestBody, Delivery};
use super::chunk::ChunkWriter;
use super::completion::CompletionReply;
use super::embedding::{EmbeddingsBody, EmbeddingsReply, EncodingFormat};

fn body(json: Value) -> ChatRequestBody {
    serde_json::from_value(json).unwrap()
}

fn request(json: Value) -> Request {
    body(json).into_domain().unwrap()
}

fn fields(error: &Error) -> String {
    error
        .fields()
        .iter()
        .map(|field| format!("{}: {}\n", field.pointer, field.detail))
        .collect()
}

/// Checks what is wrong with a request that is `extra` beside one harmless message.
fn check_refusal(extra: Value, expected: Expect) {
    let mut json = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    let error = body(json).into_domain().unwrap_err();
    assert_eq!(error.code().name, "invalid_input");
    expected.assert_eq(&fields(&error));
}

#[test]
fn the_smallest_request() {
    let request = request(json!({"messages": [{"role": "user", "content": "hi"}]}));
    assert_eq!(request.model, "");
    assert_eq!(request.messages.len(), 1);
    assert_eq!(request.messages[0].role, Role::User);
    assert_eq!(request.messages[0].parts, [Part::Text("hi".to_owned())]);
    assert_eq!(request.tool_choice, ToolChoice::Auto);
    assert_eq!(request.response_format, ResponseFormat::Text);
    assert_eq!(request.extra, None);
}

#[test]
fn all_known_fields_arrive_and_others_are_passed_on() {
    let request = request(json!({
        "model": "local/m",
        "messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi", "name": "Ada"}],
        "temperature": 0.5, "top_p": 0.25, "top_k": 40, "frequency_penalty": -1, "presence_penalty": 1.5,
        "repeat_penalty": 1.1, "seed": 7, "max_tokens": 10, "max_completion_tokens": 20, "stop": ["a", "b"],
        "stream": true, "stream_options": {"include_usage": true}, "n": 1, "logprobs": false,
        "response_format": {"type": "json_object"},
        "user": "someone", "logit_bias": {"50256": -100}, "reasoning_effort": "low", "metadata": null,
    }));
    assert_eq!(request.model, "local/m");
    assert_eq!(request.messages[0].role, Role::System);
    assert_eq!(request.messages[1].name.as_deref(), Some("Ada"));
    let sampling = &request.sampling;
    assert_eq!(sampling.temperature, Some(0.5));
    assert_eq!(sampling.top_p, Some(0.25));
    assert_eq!(sampling.top_k, Some(40));
    assert_eq!(sampling.frequency_penalty, Some(-1.0));
    assert_eq!(sampling.presence_penalty, Some(1.5));
    assert_eq!(sampling.repeat_penalty, Some(1.1));
    assert_eq!(sampling.seed, Some(7));
    assert_eq!(sampling.max_tokens, Some(20), "the newer word wins");
    assert_eq!(sampling.stop, ["a", "b"]);
    assert_eq!(request.response_format, ResponseFormat::JsonObject);
    assert_eq!(
        Value::Object(request.extra.unwrap()),
        json!({"user": "someone", "logit_bias": {"50256": -100}, "reasoning_effort": "low"})
    );
}

#[test]
fn nulls_are_left_out() {
    let request = request(json!({
        "model": "m", "messages": [{"role": "user", "content": "hi", "name": null, "tool_calls": null}],
        "temperature": null, "stop": null, "tools": null, "tool_choice": null, "response_format": null,
        "stream": null, "stream_options": null, "n": null, "seed": null, "functions": null,
    }));
    assert_eq!(request.sampling, inkstone_domain::chat::Sampling::default());
    assert_eq!(request.extra, None);
}

#[test]
fn images_come_as_bytes_or_by_url() {
    let request = request(json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.jpg"}},
    ]}]}));
    let [Part::Text(text), Part::Image(inline), Part::Image(linked)] =
        &request.messages[0].parts[..]
    else {
        panic!("{:?}", request.messages[0].parts);
    };
    assert_eq!(text, "what is this?");
    assert_eq!(inline.media_type, "image/png");
    assert_eq!(inline.source, ImageSource::Bytes(b"\x89PNG\r\n".to_vec()));
    assert_eq!(
        linked.source,
        ImageSource::Url("https://example.org/a.jpg".to_owned())
    );
}

#[test]
fn tools_and_their_results_make_the_round_trip() {
    let request = request(json!({
        "messages": [
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "4 "}, {"type": "text", "text": "°C"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "now", "parameters": {"type": "object"}}},
                  {"type": "function", "function": {"name": "clock"}}],
        "tool_choice": {"type": "function", "function": {"name": "clock"}},
    }));
    assert_eq!(
        request.messages[1].parts,
        [Part::ToolCall(ToolCall {
            id: "c1".to_owned(),
            name: "weather".to_owned(),
            arguments: "{\"city\":\"Oslo\"}".to_owned(),
        })]
    );
    assert_eq!(
        request.messages[2].parts,
        [Part::ToolResult {
            tool_call_id: "c1".to_owned(),
            content: "4 °C".to_owned(),
        }]
    );
    assert_eq!(request.tools[0].parameters, json!({"type": "object"}));
    assert_eq!(
        request.tools[1].parameters,
        json!({"type": "object", "properties": {}})
    );
    assert_eq!(request.tool_choice, ToolChoice::Named("clock".to_owned()));
}

#[test]
fn a_schema_for_the_answer() {
    let request = request(json!({
        "messages": [{"role": "user", "content": "hi"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}},
    }));
    assert_eq!(
        request.response_format,
        ResponseFormat::JsonSchema {
            name: "n".to_owned(),
            schema: json!({"type": "object"}),
            strict: true,
        }
    );
}

#[test]
fn what_is_not_possible_is_refused_by_name() {
    check_refusal(
        json!({"n": 2, "logprobs": true, "top_logprobs": 3, "functions": [], "audio": {"voice": "x"}}),
        expect![[r#"
            /n: only `1` is possible; ask once per answer
            /logprobs: is not possible here; leave it out
            /functions: is not read here; use `tools`
            /audio: is not possible here; leave it out
            /top_logprobs: is not possible here; leave it out
        "#]],
    );
}

#[test]
fn ranges_are_checked() {
    check_refusal(
        json!({"temperature": 2.5, "top_p": -0.1, "frequency_penalty": 3, "presence_penalty": -2.5,
               "repeat_penalty": 0, "max_tokens": 0, "top_k": 0, "stop": [""]}),
        expect![[r#"
            /temperature: must be from 0 to 2
            /top_p: must be from 0 to 1
            /frequency_penalty: must be from -2 to 2
            /presence_penalty: must be from -2 to 2
            /repeat_penalty: must be above 0
            /top_k: must be at least 1
            /max_tokens: must be at least 1
            /stop: must not be empty
        "#]],
    );
}

#[test]
fn messages_are_checked() {
    check_refusal(
        json!({"messages": []}),
        expect![[r#"
            /messages: at least one message is needed
        "#]],
    );
    check_refusal(
        json!({"messages": [
            {"role": "user"},
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}, {"type": "text"}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://example.org/a.png"}}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:text/html;base64,aGk="}}]},
            {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]},
            {"role": "tool", "content": "4"},
            {"role": "user", "content": "x", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": ""}}]},
        ]}),
        expect![[r#"
            /messages/0/content: must be a string or a list of parts
            /messages/1/content/0/type: `input_audio` is not read here; use `text` or `image_url`
            /messages/1/content/1/text: a part of the type `text` needs a text
            /messages/2/content/0/image_url/url: must be `https://…` or `data:image/<type>;base64,<data>`
            /messages/3/content/0/image_url/url: the data is not base64: Invalid symbol 37, offset 0.
            /messages/4/content/0/image_url/url: must be `https://…` or `data:image/<type>;base64,<data>`
            /messages/5/content/0/type: only a message of the role `user` can carry images
            /messages/6/tool_call_id: a message of the role `tool` must name the call it answers
            /messages/7/tool_calls: only a message of the role `assistant` can carry tool calls
        "#]],
    );
}

#[test]
fn tool_choices_are_checked() {
    check_refusal(
        json!({"tool_choice": "maybe"}),
        expect![[r#"
            /tool_choice: `maybe` is not one of `none`, `auto`, `required`
        "#]],
    );
    check_refusal(
        json!({"tool_choice": "required"}),
        expect![[r#"
            /tool_choice: `required` needs `tools`
        "#]],
    );
    check_refusal(
        json!({"tool_choice": {"type": "function", "function": {"name": "f"}},
               "tools": [{"type": "retrieval", "function": {"name": "g"}}]}),
        expect![[r#"
            /tools/0/type: only `function` is possible
            /tool_choice/function/name: `f` is not one of `tools`
        "#]],
    );
}

#[test]
fn response_formats_are_checked() {
    check_refusal(
        json!({"response_format": {"type": "yaml"}}),
        expect![[r#"
            /response_format/type: `yaml` is not one of `text`, `json_object`, `json_schema`
        "#]],
    );
    check_refusal(
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}}),
        expect![[r#"
            /response_format/json_schema: must be `{"name": …, "schema": {…}}`
        "#]],
    );
}

#[test]
fn delivery_is_whole_unless_asked() {
    let of = |json: Value| {
        let mut with_messages = json;
        with_messages["messages"] = json!([]);
        body(with_messages).delivery()
    };
    assert_eq!(of(json!({})), Delivery::Whole);
    assert_eq!(of(json!({"stream": false})), Delivery::Whole);
    assert_eq!(
        of(json!({"stream": true})),
        Delivery::Stream {
            include_usage: false
        }
    );
    assert_eq!(
        of(json!({"stream": true, "stream_options": {"include_usage": true}})),
        Delivery::Stream {
            include_usage: true
        }
    );
}

#[test]
fn a_whole_answer() {
    let reply = Reply {
        thought_signature: None,
        logprobs: Vec::new(),
        model: "local/m".to_owned(),
        text: "4 °C".to_owned(),
        reasoning: "cold".to_owned(),
        tool_calls: Vec::new(),
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
    };
    let json =
        serde_json::to_value(CompletionReply::new(reply, "chatcmpl-1".to_owned(), 9)).unwrap();
    assert_eq!(
        json,
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
    let json = serde_json::to_value(CompletionReply::new(reply, String::new(), 0)).unwrap();
    assert_eq!(
        json["choices"][0]["message"],
        json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})
    );
    assert_eq!(json["choices"][0]["finish_reason"], "tool_calls");
}

/// What a stream sends for these chunks: delta and finish reason, or usage, one per line.
fn streamed(include_usage: bool, chunks: Vec<Chunk>) -> String {
    let mut writer = ChunkWriter::new(
        "chatcmpl-1".to_owned(),
        9,
        "local/m".to_owned(),
        include_usage,
    );
    let mut replies = vec![serde_json::to_value(writer.opening()).unwrap()];
    for chunk in chunks {
        replies.extend(
            writer
                .next(chunk)
                .map(|reply| serde_json::to_value(reply).unwrap()),
        );
    }
    replies.extend(
        writer
            .missing_finish()
            .map(|reply| serde_json::to_value(reply).unwrap()),
    );
    replies.extend(
        writer
            .closing()
            .map(|reply| serde_json::to_value(reply).unwrap()),
    );
    for reply in &replies {
        assert_eq!(reply["id"], "chatcmpl-1");
        assert_eq!(reply["object"], "chat.completion.chunk");
        assert_eq!(reply["created"], 9);
        assert_eq!(reply["model"], "local/m");
        assert_eq!(reply.get("usage").is_some(), include_usage);
    }
    replies
        .iter()
        .map(|reply| match reply["choices"].get(0) {
            Some(choice) => format!("{} {}\n", choice["delta"], choice["finish_reason"]),
            None => format!("usage {}\n", reply["usage"]["total_tokens"]),
        })
        .collect()
}

#[test]
fn a_stream_has_its_order() {
    let usage = Chunk::Usage(Usage {
        input_tokens: 2,
        output_tokens: 3,
        ..Usage::default()
    });
    let chunks = vec![
        usage.clone(),
        Chunk::Reasoning("hm".to_owned()),
        Chunk::Text("he".to_owned()),
        Chunk::Text("llo".to_owned()),
        Chunk::Finish(FinishReason::Stop),
    ];
    expect![[r#"
        {"content":"","role":"assistant"} null
        {"reasoning_content":"hm"} null
        {"content":"he"} null
        {"content":"llo"} null
        {} "stop"
        usage 5
    "#]]
    .assert_eq(&streamed(true, chunks.clone()));
    assert_eq!(
        streamed(false, chunks).lines().count(),
        5,
        "no usage unless asked"
    );
}

#[test]
fn a_stream_of_tool_calls_ends_even_without_a_finish() {
    let delta = |id: Option<&str>, name: Option<&str>, arguments: &str| {
        Chunk::ToolCall(ToolCallDelta {
            index: 0,
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            arguments: arguments.to_owned(),
        })
    };
    expect![[r#"
        {"content":"","role":"assistant"} null
        {"tool_calls":[{"function":{"arguments":"","name":"f"},"id":"c1","index":0,"type":"function"}]} null
        {"tool_calls":[{"function":{"arguments":"{}"},"index":0}]} null
        {} "tool_calls"
    "#]]
    .assert_eq(&streamed(false, vec![delta(Some("c1"), Some("f"), ""), delta(None, None, "{}")]));
}

#[test]
fn embeddings_take_a_text_or_texts() {
    let inputs = |json: Value| {
        serde_json::from_value::<EmbeddingsBody>(json)
            .map_err(|error| error.to_string())
            .and_then(|body| body.into_domain().map_err(|error| fields(&error)))
            .map(|request| request.inputs)
    };
    assert_eq!(
        inputs(json!({"model": "m", "input": "a"})),
        Ok(vec!["a".to_owned()])
    );
    assert_eq!(
        inputs(json!({"model": "m", "input": ["a", "b"], "user": "x"})),
        Ok(vec!["a".to_owned(), "b".to_owned()])
    );
    let tokens = inputs(json!({"model": "m", "input": [1, 2]})).unwrap_err();
    assert!(
        tokens.contains("lists of token numbers are not read here"),
        "{tokens}"
    );
    let tokens = inputs(json!({"model": "m", "input": [[1, 2]]})).unwrap_err();
    assert!(
        tokens.contains("lists of token numbers are not read here"),
        "{tokens}"
    );
    assert_eq!(
        inputs(json!({"model": "m", "input": []})),
        Err("/input: at least one text is needed\n".to_owned())
    );
    assert_eq!(
        inputs(json!({"model": "m", "input": "a", "dimensions": 0})),
        Err("/dimensions: must be at least 1\n".to_owned())
    );
}

#[test]
fn vectors_are_written_as_numbers_or_base64() {
    let reply = EmbedReply {
        vectors: vec![vec![1.0, -0.5]],
        usage: Usage {
            input_tokens: 4,
            ..Usage::default()
        },
    };
    let json = |format| {
        serde_json::to_value(EmbeddingsReply::new(
            reply.clone(),
            "local/e".to_owned(),
            format,
        ))
        .unwrap()
    };
    assert_eq!(
        json(EncodingFormat::Float),
        json!({"object": "list", "model": "local/e", "usage": {"prompt_tokens": 4, "total_tokens": 4},
               "data": [{"object": "embedding", "index": 0, "embedding": [1.0, -0.5]}]})
    );
    // 1.0 is 00 00 80 3f, -0.5 is 00 00 00 bf.
    assert_eq!(
        json(EncodingFormat::Base64)["data"][0]["embedding"],
        "AACAPwAAAL8="
    );
}
