//! What differs from OpenAI's API, as it goes out and as it comes in.

use inkstone_plugin::provider::*;
use provider_wire::openai::hosted::testing::{
    assert_has, assert_lacks, assert_manifest_agrees, read, sent,
};

use crate::{DeepSeek, SERVICE};

#[test]
fn the_manifest_agrees() {
    assert_manifest_agrees(&SERVICE, include_str!("../plugin.toml"));
}

#[test]
fn what_it_lacks_is_refused_by_name_or_dropped() {
    assert_lacks(
        &DeepSeek,
        &[
            "top_k",
            "repeat_penalty",
            "seed",
            "response_format.json_schema",
        ],
    );
    assert_has(&DeepSeek, &["logprobs", "frequency_penalty"]);
}

#[test]
fn a_schema_is_refused_or_becomes_any_json() {
    let mut request = Request::new("deepseek-chat").user("Hi");
    request.response_format = ResponseFormat::JsonSchema(JsonSchemaFormat {
        name: "answer".into(),
        schema: "{}".into(),
        strict: true,
    });
    let error = sent(&DeepSeek, request.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("json_schema"), "{}", error.message);
    request.response_format = ResponseFormat::JsonObject;
    let body = sent(&DeepSeek, request).unwrap();
    assert_eq!(body["response_format"]["type"], "json_object");
}

/// By the page "Thinking Mode": thoughts must come back with tool calls, and are of no use elsewhere.
#[test]
fn thoughts_go_back_with_tool_calls_only() {
    let thought = Part::Thought(Thought {
        text: "Hm.".into(),
        signature: None,
    });
    let call = Part::ToolCall(ToolCall {
        id: "call_1".into(),
        name: "add".into(),
        arguments: "{}".into(),
    });
    let said = |part: Part| {
        let request = Request::new("deepseek-chat").user("Hi").message(Message {
            role: Role::Assistant,
            name: None,
            parts: vec![thought.clone(), part],
        });
        sent(&DeepSeek, request).unwrap()["messages"][1].take()
    };
    let called = said(call);
    assert_eq!(called["reasoning_content"], "Hm.");
    assert_eq!(called["tool_calls"][0]["id"], "call_1");
    assert_eq!(called.get("reasoning"), None);
    let answered = said(Part::Text("Four.".into()));
    assert_eq!(answered.get("reasoning_content"), None);
}

#[test]
fn reasoning_and_the_cache_are_told() {
    let stream = concat!(
        ": keep-alive\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning_content":"Hm."},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"content":"Four.","reasoning_content":null},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":6,"total_tokens":18,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":4,"completion_tokens_details":{"reasoning_tokens":4}}}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let chunks = read(&DeepSeek, stream).unwrap();
    let usage = Usage {
        input_tokens: 12,
        output_tokens: 6,
        cached_input_tokens: 8,
        reasoning_tokens: 4,
    };
    assert_eq!(
        chunks,
        [
            Chunk::Reasoning("Hm.".into()),
            Chunk::Text("Four.".into()),
            Chunk::Usage(usage),
            Chunk::Finish(FinishReason::Stop),
        ]
    );
}
