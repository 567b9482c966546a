//! Vectors as Google's page "Embeddings" shows them, and replies that do not hold what was asked.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use crate::Gemini;

const REPLY: &str = include_str!("../../tests/data/embeddings.json");

fn embed(texts: &[&str], reply: &str) -> Result<EmbedReply> {
    testing::reset();
    let reply = reply.to_owned();
    testing::http(move |_| Ok(testing::response(200).body(reply.as_str())));
    Gemini.embed(request(texts))
}

fn request(texts: &[&str]) -> EmbedRequest {
    let inputs = texts.iter().map(|&text| text.to_owned()).collect();
    EmbedRequest::new("gemini-embedding-001", inputs)
}

fn sent() -> Vec<Value> {
    let requests = testing::http_requests().into_iter();
    let bodies = requests.map(|request| serde_json::from_slice(&request.body.unwrap()).unwrap());
    bodies.collect()
}

#[test]
fn texts_become_vectors_in_their_order() {
    let reply = embed(&["first", "second"], REPLY).unwrap();
    assert_eq!(reply.vectors, [[0.5, -1.0], [0.125, 2.0]]);
    assert_eq!(reply.usage, Usage::default());
    let asked = testing::http_requests().remove(0);
    assert_eq!(
        asked.url,
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents"
    );
    assert_eq!(asked.credential.as_deref(), Some("gemini"));
    let want = json!({"requests": [
        {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "first"}]}},
        {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "second"}]}},
    ]});
    assert_eq!(sent(), [want]);
}

#[test]
fn dimensions_are_passed_on() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(REPLY)));
    let mut request = request(&["a", "b"]);
    request.dimensions = Some(2);
    Gemini.embed(request).unwrap();
    assert_eq!(sent()[0]["requests"][1]["outputDimensionality"], 2);
}

#[test]
fn many_texts_go_in_batches_and_their_usage_is_summed() {
    testing::reset();
    testing::settings(&json!({"embedding_batch_size": 2}));
    testing::http(|request| {
        let body: Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
        let requests = body["requests"].as_array().unwrap();
        let numbers = requests.iter().map(|request| {
            let text = request["content"]["parts"][0]["text"].as_str().unwrap();
            json!({"values": [text.parse::<f32>().unwrap()]})
        });
        let embeddings: Vec<Value> = numbers.collect();
        Ok(testing::response(200)
            .json(&json!({"embeddings": embeddings, "usageMetadata": {"promptTokenCount": 3}})))
    });
    let reply = Gemini.embed(request(&["1", "2", "3", "4", "5"])).unwrap();
    assert_eq!(reply.vectors, [[1.0], [2.0], [3.0], [4.0], [5.0]]);
    assert_eq!(reply.usage, Usage::new(9, 0));
    assert_eq!(testing::http_requests().len(), 3);
}

/// The engine estimates what nobody told; half a sum would pass for the whole.
#[test]
fn a_batch_without_a_count_leaves_the_sum_untold() {
    testing::reset();
    testing::settings(&json!({"embedding_batch_size": 1}));
    testing::http(|request| {
        let body: Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
        let count = match body["requests"][0]["content"]["parts"][0]["text"].as_str() {
            Some("1") => json!({"promptTokenCount": 3}),
            _ => json!({}),
        };
        let reply = json!({"embeddings": [{"values": [1.0]}], "usageMetadata": count});
        Ok(testing::response(200).json(&reply))
    });
    let reply = Gemini.embed(request(&["1", "2"])).unwrap();
    assert_eq!(reply.vectors.len(), 2);
    assert_eq!(reply.usage, Usage::default());
}

#[test]
fn no_texts_ask_nobody() {
    testing::reset();
    assert!(Gemini.embed(request(&[])).unwrap().vectors.is_empty());
    assert!(testing::http_requests().is_empty());
}

#[test]
fn replies_that_do_not_fit_are_upstream_errors() {
    for (reply, want) in [
        (
            json!({"embeddings": [{"values": [1.0]}]}),
            "1 vectors for 2 texts",
        ),
        (json!({}), "0 vectors for 2 texts"),
        (json!({"embeddings": [{"values": [1.0]}, {}]}), "empty"),
        (
            json!({"embeddings": [{"values": [1.0]}, {"values": [1.0, 2.0]}]}),
            "different lengths",
        ),
        (
            json!({"embeddings": [{"values": ["x"]}]}),
            "embeddings[0].values[0]",
        ),
    ] {
        let error = embed(&["a", "b"], &reply.to_string()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream);
        assert!(error.message.contains(want), "{}", error.message);
    }
}

#[test]
fn a_model_that_is_none_is_refused() {
    testing::reset();
    let error = Gemini.embed(EmbedRequest::new("../x", vec![])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}
