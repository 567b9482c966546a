//! `/v1/chat/completions`, whole and streamed.

mod choices;

use std::time::Duration;

use axum::http::Method;
use inkstone_domain::chat::{Chunk, FinishReason, ToolCallDelta};
use inkstone_domain::{Error, codes};
use inkstone_testkit::api_client::{EventReader, TestApi};
use inkstone_testkit::{Gate, Say};
use serde_json::{Value, json};

use crate::check;

const PATH: &str = "/v1/chat/completions";

fn hello(extra: Value) -> Value {
    let mut body =
        json!({"model": "fake/chat", "messages": [{"role": "user", "content": "hello there"}]});
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_whole_answer() {
    let api = TestApi::start().await;
    let reply = api.creator().post(PATH, hello(json!({}))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-inkstone-provider"), "provider-fake");
    assert!(
        reply
            .header("x-inkstone-overhead-ms")
            .parse::<f64>()
            .unwrap()
            >= 0.0
    );
    let answer = reply.json();
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "fake/chat");
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert_eq!(answer["choices"][0]["message"]["content"], "hello there");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["total_tokens"], 4);
}

#[tokio::test]
async fn aliases_and_the_default_model() {
    let api = TestApi::start().await;
    for body in [
        hello(json!({"model": "quick"})),
        hello(json!({"model": ""})),
    ] {
        assert_eq!(
            api.creator().post(PATH, body).await.json()["model"],
            "fake/chat"
        );
    }
}

#[tokio::test]
async fn fields_reach_the_provider_and_unknown_ones_in_extra() {
    let api = TestApi::start().await;
    let body = hello(
        json!({"temperature": 0.5, "max_tokens": 9, "seed": 3, "reasoning_effort": "low", "drop_unsupported": true}),
    );
    assert_eq!(api.creator().post(PATH, body).await.status, 200);
    let request = api.provider.requests().remove(0);
    assert_eq!(request.model, "chat", "the provider's own name");
    assert_eq!(request.sampling.temperature, Some(0.5));
    assert_eq!(request.sampling.max_tokens, Some(9));
    assert_eq!(request.sampling.seed, Some(3));
    assert!(request.drop_unsupported);
    let extra = request.extra.unwrap();
    assert_eq!(Value::Object(extra), json!({"reasoning_effort": "low"}));
}

#[tokio::test]
async fn a_stream_has_openais_shape() {
    let api = TestApi::start().await;
    let reply = api
        .creator()
        .post(PATH, hello(json!({"stream": true})))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "text/event-stream");
    assert_eq!(reply.header("x-inkstone-provider"), "provider-fake");
    let events = reply.events();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done.data, "[DONE]");
    assert!(events.iter().all(|event| event.name.is_empty()));
    let chunks: Vec<Value> = chunks.iter().map(|event| event.json()).collect();
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk")
    );
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    let deltas: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"])
        .collect();
    assert_eq!(
        json!(deltas),
        json!([{"role": "assistant", "content": ""}, {"content": "hello "}, {"content": "there"}, {}])
    );
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn usage_comes_last_if_it_is_asked_for() {
    let api = TestApi::start().await;
    let body = hello(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let events = api.creator().post(PATH, body).await.events();
    let usage = events[events.len() - 2].json();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["prompt_tokens"], 2);
    assert_eq!(usage["usage"]["completion_tokens"], 2);
    assert_eq!(events[0].json()["usage"], json!(null));
}

#[tokio::test]
async fn tool_calls_and_reasoning_are_streamed() {
    let api = TestApi::start().await;
    let delta = ToolCallDelta {
        index: 0,
        id: Some("c1".to_owned()),
        name: Some("clock".to_owned()),
        arguments: "{}".to_owned(),
    };
    api.provider.will_say([
        Say::Chunk(Chunk::Reasoning("hm".to_owned())),
        Say::Chunk(Chunk::ToolCall(delta)),
        Say::Chunk(Chunk::Finish(FinishReason::ToolCalls)),
    ]);
    let events = api
        .creator()
        .post(PATH, hello(json!({"stream": true})))
        .await
        .events();
    assert_eq!(
        events[1].json()["choices"][0]["delta"],
        json!({"reasoning_content": "hm"})
    );
    assert_eq!(
        events[2].json()["choices"][0]["delta"]["tool_calls"],
        json!([{"index": 0, "id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}])
    );
    assert_eq!(
        events[3].json()["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[tokio::test]
async fn an_error_before_the_first_chunk_has_its_own_status() {
    let api = TestApi::start().await;
    let failure = Error::new(&codes::UPSTREAM_RATE_LIMITED, "the upstream is busy")
        .with_retry_after(Some(Duration::from_millis(90_500)));
    api.provider.will_say([Say::Fail(failure)]);
    let reply = api
        .creator()
        .post(PATH, hello(json!({"stream": true})))
        .await;
    check::openai_error(&reply, 429, "rate_limit_error", "upstream_rate_limited");
    assert_eq!(reply.header("retry-after"), "91", "rounded up");
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_last_event() {
    let api = TestApi::start().await;
    let failure = Error::new(&codes::PLUGIN_TRAPPED, "the plugin `provider-fake` crashed");
    api.provider
        .will_say([Say::text("he"), Say::Fail(failure.clone())]);
    let events = api
        .creator()
        .post(PATH, hello(json!({"stream": true})))
        .await
        .events();
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(
        events[2].json(),
        json!({"error": {"message": "the plugin `provider-fake` crashed", "type": "server_error",
                         "code": "plugin_trapped", "param": null}})
    );
    api.provider.will_say([Say::text("he"), Say::Fail(failure)]);
    let whole = api.creator().post(PATH, hello(json!({}))).await;
    check::openai_error(&whole, 500, "server_error", "plugin_trapped");
}

#[tokio::test]
async fn chunks_arrive_while_the_model_still_speaks() {
    let api = TestApi::start().await;
    let gate = Gate::closed();
    let script = [
        Say::text("first"),
        Say::Wait(gate.clone()),
        Say::text("second"),
    ];
    api.provider
        .will_say(script.into_iter().chain(Say::end(1, 2)));
    let client = api.creator();
    let response = client
        .open(Method::POST, PATH, Some(hello(json!({"stream": true}))))
        .await;
    let mut events = EventReader::new(response);
    events.next().await.unwrap();
    let first = events.next().await.unwrap().json();
    assert_eq!(first["choices"][0]["delta"]["content"], "first");
    gate.open();
    let second = events.next().await.unwrap().json();
    assert_eq!(second["choices"][0]["delta"]["content"], "second");
}

#[tokio::test]
async fn a_client_who_leaves_ends_the_call() {
    let api = TestApi::start().await;
    let gate = Gate::closed();
    api.provider
        .will_say([Say::text("first"), Say::Wait(gate.clone())]);
    let client = api.creator();
    let response = client
        .open(Method::POST, PATH, Some(hello(json!({"stream": true}))))
        .await;
    let mut events = EventReader::new(response);
    events.next().await.unwrap();
    events.next().await.unwrap();
    drop(events);
    // With the reader the whole call is gone, so that everything ends without the gate being opened.
    assert!(api.services.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn wrong_requests_name_the_field() {
    let api = TestApi::start().await;
    for (extra, param) in [
        (json!({"n": 9}), "n"),
        (json!({"top_logprobs": 2}), "top_logprobs"),
        (json!({"temperature": 3}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"stop": 5}), "stop"),
        (json!({"messages": []}), "messages"),
        (
            json!({"messages": [{"role": "robot", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "user", "content": 5}]}),
            "messages[0].content",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "x"}]}]}),
            "messages[0].content[0].type",
        ),
        (json!({"tool_choice": "required"}), "tool_choice"),
    ] {
        let reply = api.creator().post(PATH, hello(extra)).await;
        let error = check::openai_error(&reply, 400, "invalid_request_error", "invalid_input");
        assert_eq!(error["param"], param, "{error}");
    }
    assert!(api.provider.requests().is_empty());
}

#[tokio::test]
async fn an_unknown_model() {
    let api = TestApi::start().await;
    for model in ["nobody/chat", "fake/other"] {
        let reply = api
            .creator()
            .post(PATH, hello(json!({"model": model})))
            .await;
        check::openai_error(&reply, 404, "invalid_request_error", "unknown_model");
    }
}
