//! The body of `POST /v1/chat/completions`.

use expect_test::{Expect, expect};
use inkstone_domain::chat::{
    ImageSource, Part, Request, ResponseFormat, Role, Sampling, Thought, ToolCall, ToolChoice,
};
use serde_json::{Value, json};

use super::fields;
use crate::wire::openai::chat_request::{ChatRequestBody, Delivery};

fn body(json: Value) -> ChatRequestBody {
    serde_json::from_value(json).unwrap()
}

fn request(json: Value) -> Request {
    body(json).into_domain().unwrap()
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
        "stream": true, "stream_options": {"include_usage": true}, "n": 3, "logprobs": true, "top_logprobs": 5,
        "response_format": {"type": "json_object"}, "drop_unsupported": true,
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
    assert_eq!(request.logprobs, Some(5));
    assert!(request.drop_unsupported && request.stream);
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
        "logprobs": null, "top_logprobs": null, "drop_unsupported": null,
    }));
    assert_eq!(request.sampling, Sampling::default());
    assert_eq!(request.extra, None);
    assert_eq!(request.logprobs, None);
    assert!(!request.drop_unsupported && !request.stream);
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
    assert_eq!(inline.source, ImageSource::Bytes(b"\x89PNG\r\n"[..].into()));
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
fn thoughts_come_back_first() {
    let parts = |message: Value| {
        let messages = json!([message, {"role": "user", "content": "go on"}]);
        request(json!({"messages": messages}))
            .messages
            .remove(0)
            .parts
    };
    let thought = |text: &str, signature: Option<&str>| {
        Part::Thought(Thought {
            text: text.to_owned(),
            signature: signature.map(str::to_owned),
        })
    };
    assert_eq!(
        parts(
            json!({"role": "assistant", "content": "4 °C", "reasoning_content": "cold 🥶",
                     "reasoning_signature": "sig"})
        ),
        [
            thought("cold 🥶", Some("sig")),
            Part::Text("4 °C".to_owned())
        ]
    );
    assert_eq!(
        parts(json!({"role": "assistant", "reasoning_signature": "sig"})),
        [thought("", Some("sig"))]
    );
    assert_eq!(
        parts(
            json!({"role": "assistant", "content": "a", "reasoning_content": "",
                     "reasoning_signature": null})
        ),
        [Part::Text("a".to_owned())],
        "nothing was thought"
    );
}

#[test]
fn log_probabilities_without_alternatives() {
    let message = json!([{"role": "user", "content": "hi"}]);
    let of = |logprobs: Value| {
        request(json!({"messages": message.clone(), "logprobs": logprobs})).logprobs
    };
    assert_eq!(of(json!(true)), Some(0));
    assert_eq!(of(json!(false)), None);
}

#[test]
fn what_is_not_possible_is_refused_by_name() {
    check_refusal(
        json!({"n": 9, "logprobs": true, "top_logprobs": 21, "functions": [], "audio": {"voice": "x"},
               "messages": [{"role": "user", "content": "a", "reasoning_content": "b"}]}),
        expect![[r#"
            /n: must be from 1 to 8
            /functions: is not read here; use `tools`
            /audio: is not possible here; leave it out
            /top_logprobs: must be from 0 to 20
            /messages/0/reasoning_content: only a message of the role `assistant` can carry thoughts
        "#]],
    );
    check_refusal(
        json!({"n": 0, "logprobs": false, "top_logprobs": 3, "function_call": "auto"}),
        expect![[r#"
            /n: must be from 1 to 8
            /function_call: is not read here; use `tool_choice`
            /top_logprobs: needs `logprobs` to be `true`
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
