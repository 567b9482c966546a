//! Vectors as OpenAI's page "Create embeddings" shows them, and replies that do not hold what was asked.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use crate::OpenAi;

const BASE64: &str = include_str!("../../tests/data/embeddings_base64.json");
const FLOAT: &str = include_str!("../../tests/data/embeddings_float.json");

fn embed(texts: &[&str], reply: &str) -> Result<EmbedReply> {
    testing::reset();
    let reply = reply.to_owned();
    testing::http(move |_| Ok(testing::response(200).body(reply.as_str())));
    OpenAi.embed(request(texts))
}

fn request(texts: &[&str]) -> EmbedRequest {
    let inputs = texts.iter().map(|&text| text.to_owned()).collect();
    EmbedRequest::new("text-embedding-3-small", inputs)
}

fn reply(data: Value) -> String {
    json!({"data": data}).to_string()
}

fn sent() -> Vec<Value> {
    let requests = testing::http_requests().into_iter();
    let bodies = requests.map(|request| serde_json::from_slice(&request.body.unwrap()).unwrap());
    bodies.collect()
}

#[test]
fn base64_is_asked_for_and_read_in_the_order_of_the_inputs() {
    let reply = embed(&["first", "second"], BASE64).unwrap();
    assert_eq!(reply.vectors, [[0.5, -1.0], [0.125, 2.0]]);
    assert_eq!(reply.usage, Usage::new(8, 0));
    let asked = testing::http_requests().remove(0);
    assert_eq!(asked.url, "https://api.openai.com/v1/embeddings");
    assert_eq!(asked.credential.as_deref(), Some("openai"));
    let want = json!({"model": "text-embedding-3-small", "input": ["first", "second"], "encoding_format": "base64"});
    assert_eq!(sent(), [want]);
}

#[test]
fn numbers_are_read_too() {
    let reply = embed(&["The food was delicious"], FLOAT).unwrap();
    assert_eq!(reply.vectors, [[0.5, -1.0, 0.25]]);
}

#[test]
fn the_order_tells_where_the_index_is_missing() {
    let body = reply(json!([{"embedding": [1.0]}, {"embedding": [2.0]}]));
    let reply = embed(&["a", "b"], &body).unwrap();
    assert_eq!(reply.vectors, [[1.0], [2.0]]);
    assert_eq!(reply.usage, Usage::default());
}

#[test]
fn dimensions_are_passed_on() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(FLOAT)));
    let mut request = request(&["a"]);
    request.dimensions = Some(3);
    OpenAi.embed(request).unwrap();
    assert_eq!(sent()[0]["dimensions"], 3);
}

#[test]
fn many_texts_go_in_batches_and_their_usage_is_summed() {
    testing::reset();
    testing::settings(&json!({"embedding_batch_size": 2}));
    testing::http(|request| {
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        let texts = body["input"].as_array().unwrap();
        let vectors = texts.iter().enumerate().rev().map(|(index, text)| {
            let number: f32 = text.as_str().unwrap().parse().unwrap();
            json!({"index": index, "embedding": [number]})
        });
        let data: Vec<Value> = vectors.collect();
        let usage = json!({"prompt_tokens": texts.len(), "total_tokens": texts.len()});
        Ok(testing::response(200).json(&json!({"data": data, "usage": usage})))
    });
    let reply = OpenAi.embed(request(&["1", "2", "3", "4", "5"])).unwrap();
    assert_eq!(reply.vectors, [[1.0], [2.0], [3.0], [4.0], [5.0]]);
    assert_eq!(reply.usage, Usage::new(5, 0));
    assert_eq!(testing::http_requests().len(), 3);
}

#[test]
fn nothing_to_do_asks_nobody() {
    testing::reset();
    assert!(OpenAi.embed(request(&[])).unwrap().vectors.is_empty());
    assert!(testing::http_requests().is_empty());
}

#[test]
fn anything_but_one_vector_each_is_an_upstream_error() {
    for data in [
        json!([]),
        json!([{"index": 0, "embedding": [1.0]}]),
        json!([{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}]),
        json!([{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [2.0]}]),
        json!([{"embedding": [1.0]}, {"embedding": [2.0]}, {"embedding": [3.0]}]),
    ] {
        let error = embed(&["a", "b"], &reply(data)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream);
        assert!(error.message.contains("for 2 texts"), "{}", error.message);
    }
}

#[test]
fn vectors_that_are_none_are_upstream_errors() {
    for (vector, words) in [
        (json!([]), "empty"),
        (json!(""), "empty"),
        (json!([1e300]), "no number"),
        (json!("AADAfw=="), "no number"),
        (json!("AAAA"), "middle of a number"),
        (json!("not base64"), "vector"),
    ] {
        let body = reply(json!([{"index": 0, "embedding": vector}]));
        let error = embed(&["a"], &body).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream, "{vector}");
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn vectors_of_different_lengths_are_an_upstream_error() {
    let body = reply(json!([{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]));
    let error = embed(&["a", "b"], &body).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn a_refusal_is_a_typed_error() {
    testing::reset();
    testing::http(|_| Ok(testing::response(429).header("retry-after", "3")));
    let error = OpenAi.embed(request(&["a"])).unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after_ms),
        (ErrorKind::RateLimited, Some(3_000))
    );
}
