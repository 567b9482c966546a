//! What differs from OpenAI's API, as it goes out and as it comes in.

use inkstone_plugin::provider::*;
use provider_wire::openai::hosted::testing::{
    assert_has, assert_lacks, assert_manifest_agrees, read, sent,
};

use crate::{Groq, SERVICE};

#[test]
fn the_manifest_agrees() {
    assert_manifest_agrees(&SERVICE, include_str!("../plugin.toml"));
}

#[test]
fn what_it_lacks_is_refused_by_name_or_dropped() {
    assert_lacks(
        &Groq,
        &[
            "top_k",
            "repeat_penalty",
            "frequency_penalty",
            "presence_penalty",
            "logprobs",
        ],
    );
    assert_has(&Groq, &["seed"]);
}

#[test]
fn the_limit_has_another_name_and_penalties_are_refused() {
    let mut request = Request::new("m").user("Hi");
    request.sampling.max_tokens = Some(9);
    let body = sent(&Groq, request.clone()).unwrap();
    assert_eq!(body["max_completion_tokens"], 9);
    request.sampling.presence_penalty = Some(0.5);
    let error = sent(&Groq, request).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(
        error.message.contains("presence_penalty"),
        "{}",
        error.message
    );
}

#[test]
fn reasoning_comes_as_a_text_of_its_own() {
    let stream = concat!(
        r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"x_groq":{"id":"req_1"}}"#,
        "\n\n",
        r#"data: {"id":"c","choices":[{"index":0,"delta":{"reasoning":"Hm.","channel":"analysis"},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"Four."},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1"}}"#,
        "\n\n",
        r#"data: {"id":"c","choices":[],"usage":{"queue_time":0.01,"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let chunks = read(&Groq, stream).unwrap();
    let usage = Usage {
        input_tokens: 7,
        output_tokens: 5,
        ..Usage::default()
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
