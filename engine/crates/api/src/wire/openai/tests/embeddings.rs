//! `POST /v1/embeddings`.

use inkstone_domain::chat::{EmbedReply, Usage};
use serde_json::{Value, json};

use super::fields;
use crate::wire::openai::embedding::{EmbeddingsBody, EmbeddingsReply, EncodingFormat};

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
