//! What differs from OpenAI's API, as it goes out and as it comes in.

use inkstone_plugin::provider::*;
use provider_wire::openai::hosted::testing::{
    assert_has, assert_lacks, assert_manifest_agrees, read, sent, with_all_sampling,
};

use crate::{Mistral, SERVICE};

#[test]
fn the_manifest_agrees() {
    assert_manifest_agrees(&SERVICE, include_str!("../plugin.toml"));
}

#[test]
fn what_it_lacks_is_refused_by_name_or_dropped() {
    assert_lacks(&Mistral, &["top_k", "repeat_penalty", "logprobs"]);
    assert_has(&Mistral, &["frequency_penalty", "presence_penalty"]);
}

#[test]
fn a_seed_has_another_name_and_usage_is_not_asked_for() {
    let mut request = with_all_sampling();
    request.sampling.top_k = None;
    request.sampling.repeat_penalty = None;
    let body = sent(&Mistral, request).unwrap();
    assert_eq!(body["random_seed"], 7);
    assert_eq!(body["max_tokens"], 9);
    for word in ["seed", "stream_options", "max_completion_tokens"] {
        assert_eq!(body.get(word), None, "{word}");
    }
}

#[test]
fn thoughts_stand_in_lists() {
    let stream = concat!(
        r#"data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"Four."}]},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"total_tokens":9,"completion_tokens":4}}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let chunks = read(&Mistral, stream).unwrap();
    let usage = Usage {
        input_tokens: 5,
        output_tokens: 4,
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
