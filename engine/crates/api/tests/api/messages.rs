//! `/v1/messages`, whole and streamed.

use std::time::Duration;

use inkstone_domain::chat::{Chunk, FinishReason, Part, Role, ToolCallDelta};
use inkstone_domain::{Error, codes};
use inkstone_testkit::Say;
use inkstone_testkit::api_client::TestApi;
use serde_json::{Value, json};

use crate::check;

const PATH: &str = "/v1/messages";

fn hello(extra: Value) -> Value {
    let mut body = json!({"model": "fake/chat", "max_tokens": 9,
                          "messages": [{"role": "user", "content": "hello there"}]});
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_whole_message() {
    let api = TestApi::start().await;
    let reply = api.creator().post(PATH, hello(json!({}))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("x-inkstone-provider"), "provider-fake");
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    let mut message = reply.json();
    assert!(message["id"].as_str().unwrap().starts_with("msg_"));
    message["id"] = Value::Null;
    assert_eq!(
        message,
        json!({"id": null, "type": "message", "role": "assistant", "model": "fake/chat",
               "content": [{"type": "text", "text": "hello there"}],
               "stop_reason": "end_turn", "stop_sequence": null,
               "usage": {"input_tokens": 2, "output_tokens": 2, "cache_read_input_tokens": 0,
                         "cache_creation_input_tokens": 0}})
    );
}

#[tokio::test]
async fn a_stream_has_anthropics_shape() {
    let api = TestApi::start().await;
    let reply = api
        .creator()
        .post(PATH, hello(json!({"stream": true})))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let events = reply.events();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event.json()["type"] == event.name.as_str())
    );
    assert_eq!(events[5].json()["delta"]["stop_reason"], "end_turn");
    assert_eq!(events[5].json()["usage"]["output_tokens"], 2);
}

#[tokio::test]
async fn a_call_and_its_result_make_the_round_trip() {
    let api = TestApi::start().await;
    let delta = ToolCallDelta {
        index: 0,
        id: Some("c1".to_owned()),
        name: Some("weather".to_owned()),
        arguments: "{\"city\":\"Malmö\"}".to_owned(),
    };
    api.provider.will_say([
        Say::Chunk(Chunk::Reasoning("hm".to_owned())),
        Say::Chunk(Chunk::ThoughtSignature("sig".to_owned())),
        Say::text("let me see"),
        Say::Chunk(Chunk::ToolCall(delta)),
        Say::Chunk(Chunk::Finish(FinishReason::ToolCalls)),
    ]);
    let tools = json!([{"name": "weather", "input_schema": {"type": "object"}}]);
    let client = api.creator();
    let message = client
        .post(PATH, hello(json!({"tools": tools})))
        .await
        .json();
    assert_eq!(message["stop_reason"], "tool_use");
    assert_eq!(message["content"][2]["input"], json!({"city": "Malmö"}));
    let messages = json!([
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "4 °C"}]},
    ]);
    let body = hello(json!({"messages": messages, "tools": tools}));
    assert_eq!(client.post(PATH, body).await.status, 200);
    let request = api.provider.requests().remove(1);
    assert!(matches!(&request.messages[1].parts[..],
        [Part::Thought(thought), Part::Text(_), Part::ToolCall(call)]
            if thought.signature.as_deref() == Some("sig") && call.arguments == "{\"city\":\"Malmö\"}"));
    assert_eq!(request.messages[2].role, Role::Tool);
}

#[tokio::test]
async fn errors_come_in_anthropics_envelope() {
    let api = TestApi::start().await;
    let wrong = "invalid_request_error";
    for (extra, pointer) in [
        (json!({"max_tokens": null}), "/max_tokens"),
        (json!({"temperature": 99}), "/temperature"),
        (json!({"messages": []}), "/messages"),
        (
            json!({"messages": [{"role": "user", "content": 5}]}),
            "/messages/0/content",
        ),
        (
            json!({"messages": [{"role": "robot", "content": "a"}]}),
            "/messages/0/role",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "document"}]}]}),
            "/messages/0/content/0/type",
        ),
    ] {
        let reply = api.creator().post(PATH, hello(extra)).await;
        let error = check::anthropic_error(&reply, 400, wrong, "invalid_input");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("`{pointer}`")), "{message}");
    }
    let unknown = hello(json!({"model": "nobody/chat", "stream": true}));
    let reply = api.creator().post(PATH, unknown).await;
    check::anthropic_error(&reply, 404, "not_found_error", "unknown_model");
    let reply = api.anonymous().post(PATH, hello(json!({}))).await;
    check::anthropic_error(&reply, 401, "authentication_error", "missing_token");
    let reply = api.viewer().post(PATH, hello(json!({}))).await;
    check::anthropic_error(&reply, 403, "permission_error", "forbidden");
    assert!(api.provider.requests().is_empty());
}

#[tokio::test]
async fn failures_of_the_model() {
    let api = TestApi::start().await;
    for (code, status, kind) in [
        (&codes::UPSTREAM_RATE_LIMITED, 429, "rate_limit_error"),
        (&codes::UPSTREAM_ERROR, 502, "api_error"),
        (&codes::UPSTREAM_UNREACHABLE, 503, "overloaded_error"),
        (&codes::PLUGIN_TRAPPED, 500, "api_error"),
    ] {
        let api = TestApi::start().await;
        // Nobody waits so long, so it is not tried again.
        let failure = Error::new(code, "no").with_retry_after(Some(Duration::from_secs(90)));
        api.provider.will_say([Say::Fail(failure)]);
        let reply = api
            .creator()
            .post(PATH, hello(json!({"stream": true})))
            .await;
        check::anthropic_error(&reply, status, kind, code.name);
    }
    let failure = Error::new(&codes::PLUGIN_TRAPPED, "the plugin `provider-fake` crashed");
    api.provider.will_say([Say::text("he"), Say::Fail(failure)]);
    let reply = api
        .creator()
        .with_header("x-request-id", "mine-9")
        .post(PATH, hello(json!({"stream": true})))
        .await;
    let events = reply.events();
    let last = events.last().unwrap();
    assert_eq!(last.name, "error");
    assert_eq!(
        last.json(),
        json!({"type": "error", "request_id": "mine-9", "error": {
            "type": "api_error", "code": "plugin_trapped", "message": "the plugin `provider-fake` crashed"}})
    );
}
