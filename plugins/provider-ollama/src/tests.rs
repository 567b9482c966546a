//! What differs from OpenAI's API, as it goes out and as it comes in.

use inkstone_plugin::provider::*;
use provider_wire::openai::hosted::testing::{
    assert_has, assert_lacks, assert_manifest_agrees, read, sent,
};

use crate::{Ollama, SERVICE};

#[test]
fn the_manifest_agrees() {
    assert_manifest_agrees(&SERVICE, include_str!("../plugin.toml"));
}

#[test]
fn what_it_lacks_is_refused_by_name_or_dropped() {
    assert_lacks(&Ollama, &["top_k", "repeat_penalty", "logprobs"]);
    assert_has(&Ollama, &["seed", "frequency_penalty", "presence_penalty"]);
}

#[test]
fn nothing_needs_a_key() {
    let body = sent(&Ollama, Request::new("llama3.2").user("Hi")).unwrap();
    assert_eq!(body["model"], "llama3.2");
    let request = inkstone_plugin::testing::http_requests().pop().unwrap();
    assert_eq!(request.url, "http://127.0.0.1:11434/v1/chat/completions");
    assert_eq!(request.credential, None);
    let mut request = Request::new("m").user("Hi");
    request.sampling.top_k = Some(1);
    assert_eq!(
        sent(&Ollama, request).unwrap_err().kind,
        ErrorKind::Unsupported
    );
}

#[test]
fn a_tool_call_comes_in_one_piece() {
    let stream = concat!(
        r#"data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","index":0,"type":"function","function":{"name":"add","arguments":"{\"a\":1}"}}]},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"tool_calls"}]}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let call = ToolCallDelta {
        index: 0,
        id: Some("call_1".into()),
        name: Some("add".into()),
        arguments: r#"{"a":1}"#.into(),
    };
    let chunks = read(&Ollama, stream).unwrap();
    assert_eq!(
        chunks,
        [
            Chunk::ToolCall(call),
            Chunk::Finish(FinishReason::ToolCalls),
        ]
    );
}
