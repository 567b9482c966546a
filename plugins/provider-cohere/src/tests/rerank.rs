//! Documents in order, as the page "Rerank API (v2)" of Cohere's reference shows them.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use crate::Cohere;

const RERANK: &str = include_str!("../../tests/data/rerank.json");

fn request() -> RerankRequest {
    let documents = [
        "Carson City.",
        "Northern Mariana.",
        "Charlotte Amalie.",
        "Washington.",
    ];
    let documents = documents.map(str::to_owned).to_vec();
    RerankRequest {
        top_n: Some(2),
        ..RerankRequest::new("rerank-v3.5", "The capital?", documents)
    }
}

#[test]
fn the_best_come_first_and_searches_are_counted() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(RERANK)));
    let reply = Cohere.rerank(request()).unwrap();
    let ranked = |index, score| Ranked { index, score };
    assert_eq!(reply.results, [ranked(3, 0.875), ranked(0, 0.25)]);
    assert_eq!((reply.search_units, reply.usage), (1, Usage::default()));
    let sent = testing::http_requests().remove(0);
    assert_eq!(sent.url, "https://api.cohere.com/v2/rerank");
    assert_eq!(sent.credential.as_deref(), Some("cohere"));
    let body: Value = serde_json::from_slice(&sent.body.unwrap()).unwrap();
    let want = json!({
        "model": "rerank-v3.5", "query": "The capital?", "top_n": 2,
        "documents": ["Carson City.", "Northern Mariana.", "Charlotte Amalie.", "Washington."],
    });
    assert_eq!(body, want);
}

#[test]
fn a_document_that_was_not_sent_is_an_upstream_error() {
    testing::reset();
    let reply = json!({"results": [{"index": 4, "relevance_score": 0.5}]});
    testing::http(move |_| Ok(testing::response(200).json(&reply)));
    assert_eq!(
        Cohere.rerank(request()).unwrap_err().kind,
        ErrorKind::Upstream
    );
}

#[test]
fn nothing_to_do_asks_nobody() {
    testing::reset();
    let mut request = request();
    request.documents.clear();
    assert!(Cohere.rerank(request).unwrap().results.is_empty());
    assert!(testing::http_requests().is_empty());
}
