//! `/v1/responses`, whole and streamed.

use std::time::Duration;

use inkstone_domain::chat::{Chunk, FinishReason, Part, ToolCallDelta};
use inkstone_domain::{Error, codes};
use inkstone_testkit::Say;
use inkstone_testkit::api_client::TestApi;
use serde_json::{Value, json};

use crate::check;

const PATH: &str = "/v1/responses";

#[tokio::test]
async fn a_whole_response() {
    let api = TestApi::start().await;
    let body = json!({"input": "hello there", "instructions": "be brief", "metadata": {"a": "b"}, "store": true});
    let reply = api.creator().post(PATH, body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("x-inkstone-provider"), "provider-fake");
    assert_eq!(reply.header("x-inkstone-plugin"), "provider-fake@1.0.0");
    assert!(!reply.header("x-inkstone-overhead-ms").is_empty());
    let response = reply.json();
    assert!(response["id"].as_str().unwrap().starts_with("resp_"));
    assert_eq!(response["object"], "response");
    assert_eq!(response["status"], "completed");
    assert_eq!(response["model"], "fake/chat");
    assert_eq!(response["instructions"], "be brief");
    assert_eq!(response["metadata"], json!({"a": "b"}));
    assert_eq!(response["store"], false, "nothing is stored");
    let content = &response["output"][0]["content"][0];
    assert_eq!(content["type"], "output_text");
    assert_eq!(content["text"], "hello there");
    assert_eq!(response["usage"]["total_tokens"], 4);
}

#[tokio::test]
async fn a_stream_has_openais_shape() {
    let api = TestApi::start().await;
    let body = json!({"input": "hello there", "stream": true});
    let reply = api.creator().post(PATH, body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let events = reply.events();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        let json = event.json();
        assert_eq!(json["type"], event.name.as_str());
        assert_eq!(json["sequence_number"], number);
    }
    let last = events[9].json();
    assert_eq!(last["response"]["id"], events[0].json()["response"]["id"]);
    assert_eq!(last["response"]["usage"]["output_tokens"], 2);
}

#[tokio::test]
async fn a_call_and_its_output_make_the_round_trip() {
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
        Say::Chunk(Chunk::ToolCall(delta)),
        Say::Chunk(Chunk::Finish(FinishReason::ToolCalls)),
    ]);
    let tools = json!([{"type": "function", "name": "weather"}]);
    let body = json!({"input": "weather?", "tools": tools});
    let response = api.creator().post(PATH, body).await.json();
    assert_eq!(response["output"][0]["type"], "reasoning");
    assert_eq!(response["output"][1]["call_id"], "c1");
    let mut input = vec![json!({"role": "user", "content": "weather?"})];
    input.extend(response["output"].as_array().unwrap().iter().cloned());
    input.push(json!({"type": "function_call_output", "call_id": "c1", "output": "4 °C"}));
    let body = json!({"input": input, "tools": tools});
    assert_eq!(api.creator().post(PATH, body).await.status, 200);
    let request = api.provider.requests().remove(1);
    let [_, assistant, result] = &request.messages[..] else {
        panic!("{:?}", request.messages);
    };
    assert!(
        matches!(&assistant.parts[..], [Part::Thought(thought), Part::ToolCall(call)]
        if thought.text == "hm" && thought.signature.as_deref() == Some("sig")
            && call.arguments == "{\"city\":\"Malmö\"}")
    );
    assert!(matches!(&result.parts[..], [Part::ToolResult { content, .. }] if content == "4 °C"));
}

#[tokio::test]
async fn errors_come_in_openais_envelope() {
    let api = TestApi::start().await;
    let wrong = "invalid_request_error";
    for (body, param) in [
        (json!({}), json!("input")),
        (json!({"input": []}), json!("input")),
        (json!({"input": [7]}), json!("input[0]")),
        (
            json!({"input": [{"role": "robot"}]}),
            json!("input[0].role"),
        ),
        (
            json!({"input": "a", "previous_response_id": "resp_1"}),
            json!("previous_response_id"),
        ),
        (
            json!({"input": "a", "tools": [{"type": "web_search"}]}),
            json!("tools[0].type"),
        ),
        (
            json!({"input": "a", "metadata": {"a": 1}}),
            json!("metadata.a"),
        ),
    ] {
        let reply = api.creator().post(PATH, body).await;
        let error = check::openai_error(&reply, 400, wrong, "invalid_input");
        assert_eq!(error["param"], param, "{error}");
    }
    let body = json!({"model": "nobody/chat", "input": "a", "stream": true});
    let reply = api.creator().post(PATH, body).await;
    check::openai_error(&reply, 404, wrong, "unknown_model");
    assert!(api.provider.requests().is_empty());
}

#[tokio::test]
async fn a_failure_before_the_first_chunk_has_its_own_status() {
    let api = TestApi::start().await;
    let failure = Error::new(&codes::UPSTREAM_RATE_LIMITED, "the upstream is busy")
        .with_retry_after(Some(Duration::from_secs(90)));
    api.provider.will_say([Say::Fail(failure)]);
    let body = json!({"input": "a", "stream": true});
    let reply = api.creator().post(PATH, body).await;
    check::openai_error(&reply, 429, "rate_limit_error", "upstream_rate_limited");
}

#[tokio::test]
async fn a_failure_in_the_middle_ends_the_stream() {
    let api = TestApi::start().await;
    let failure = Error::new(&codes::PLUGIN_TRAPPED, "the plugin `provider-fake` crashed");
    api.provider.will_say([Say::text("he"), Say::Fail(failure)]);
    let body = json!({"input": "a", "stream": true});
    let events = api.creator().post(PATH, body).await.events();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names[names.len() - 2..], ["error", "response.failed"]);
    let failed = events[events.len() - 1].json();
    assert_eq!(failed["response"]["status"], "failed");
    assert_eq!(failed["response"]["error"]["code"], "plugin_trapped");
    assert_eq!(failed["response"]["usage"], Value::Null);
}
