//! What differs from OpenAI's API, as it goes out and as it comes in.

use inkstone_plugin::provider::*;
use provider_wire::openai::hosted::testing::{assert_manifest_agrees, read, sent};

use crate::{DeepSeek, SERVICE};

#[test]
fn the_manifest_agrees() {
    assert_manifest_agrees(&SERVICE, include_str!("../plugin.toml"));
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
