//! Vectors as the page "Embed API (v2)" of Cohere's reference shows them.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use crate::Cohere;

const EMBED: &str = include_str!("../../tests/data/embed.json");

fn request(count: usize) -> EmbedRequest {
    let inputs = (0..count).map(|number| number.to_string()).collect();
    EmbedRequest::new("embed-v4.0", inputs)
}

fn sent() -> Vec<Value> {
    let requests = testing::http_requests().into_iter();
    let bodies = requests.map(|request| serde_json::from_slice(&request.body.unwrap()).unwrap());
    bodies.collect()
}

#[test]
fn texts_become_vectors() {
    testing::reset();
    testing::http(|request| {
        assert_eq!(request.url, "https://api.cohere.com/v2/embed");
        Ok(testing::response(200).body(EMBED))
    });
    let reply = Cohere.embed(request(2)).unwrap();
    assert_eq!(reply.vectors, [[0.5, -1.0], [0.125, 2.0]]);
    assert_eq!(reply.usage, Usage::new(2, 0));
    let want = json!({
        "model": "embed-v4.0", "input_type": "search_document", "texts": ["0", "1"],
        "embedding_types": ["float"],
    });
    assert_eq!(sent(), [want]);
}

#[test]
fn what_they_are_for_and_how_long_they_are_is_told() {
    testing::reset();
    testing::settings(&json!({"input_type": "search_query"}));
    testing::http(|_| Ok(testing::response(200).body(EMBED)));
    let mut request = request(2);
    request.dimensions = Some(256);
    Cohere.embed(request).unwrap();
    let sent = sent().remove(0);
    assert_eq!(sent["input_type"], "search_query");
    assert_eq!(sent["output_dimension"], 256);
}

#[test]
fn many_texts_go_in_batches_of_96() {
    testing::reset();
    testing::http(|request| {
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        let texts = body["texts"].as_array().unwrap().iter();
        let vectors = texts.map(|text| vec![text.as_str().unwrap().parse::<f32>().unwrap()]);
        let float: Vec<Vec<f32>> = vectors.collect();
        let meta = json!({"billed_units": {"input_tokens": float.len()}});
        let reply = json!({"embeddings": {"float": float}, "meta": meta});
        Ok(testing::response(200).json(&reply))
    });
    let reply = Cohere.embed(request(200)).unwrap();
    assert_eq!(reply.vectors.len(), 200);
    assert_eq!(reply.vectors[199], [199.0]);
    assert_eq!(reply.usage, Usage::new(200, 0));
    let counts = sent().into_iter();
    let counts = counts.map(|body| body["texts"].as_array().unwrap().len());
    assert_eq!(counts.collect::<Vec<_>>(), [96, 96, 8]);
}

#[test]
fn anything_but_one_sound_vector_each_is_an_upstream_error() {
    for float in [
        json!([]),
        json!([[1.0]]),
        json!([[1.0], [1.0], [1.0]]),
        json!([[1.0], [1.0, 2.0]]),
        json!([[], []]),
        json!([[1.0], [1e300]]),
    ] {
        testing::reset();
        let reply = json!({"embeddings": {"float": float}});
        testing::http(move |_| Ok(testing::response(200).json(&reply)));
        let error = Cohere.embed(request(2)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream);
    }
}

#[test]
fn nothing_to_do_asks_nobody() {
    testing::reset();
    assert!(Cohere.embed(request(0)).unwrap().vectors.is_empty());
    assert!(testing::http_requests().is_empty());
}
