//! `POST /rerank`, which OpenAI lacks, as Jina's "Reranker API", vLLM's "OpenAI-Compatible Server" (Re-rank API) and the
//! README of llama.cpp's server show it.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use crate::OpenAi;

fn request(documents: &[&str]) -> RerankRequest {
    let documents = documents.iter().map(|&text| text.to_owned()).collect();
    RerankRequest::new(
        "bge-reranker-v2-m3",
        "What is the capital of France?",
        documents,
    )
}

fn rerank(request: RerankRequest, reply: &Value) -> Result<RerankReply> {
    let reply = reply.clone();
    testing::reset();
    testing::settings(&json!({"base_url": "http://127.0.0.1:8080/v1", "credential": ""}));
    testing::http(move |_| Ok(testing::response(200).json(&reply)));
    OpenAi.rerank(request)
}

fn sent() -> Value {
    let sent = testing::http_requests().remove(0);
    assert_eq!(sent.url, "http://127.0.0.1:8080/v1/rerank");
    serde_json::from_slice(&sent.body.unwrap()).unwrap()
}

#[test]
fn documents_come_back_in_order_with_their_scores() {
    // vLLM and Jina send the documents too, and only the total of tokens.
    let reply = json!({
        "id": "rerank-1", "model": "bge-reranker-v2-m3", "usage": {"total_tokens": 56},
        "results": [
            {"index": 1, "document": {"text": "Paris."}, "relevance_score": 0.875},
            {"index": 0, "document": {"text": "Brasilia."}, "relevance_score": 0.25},
        ],
    });
    let reply = rerank(request(&["Brasilia.", "Paris."]), &reply).unwrap();
    let ranked = |index, score| Ranked { index, score };
    assert_eq!(reply.results, [ranked(1, 0.875), ranked(0, 0.25)]);
    assert_eq!((reply.usage, reply.search_units), (Usage::new(56, 0), 0));
    let want = json!({
        "model": "bge-reranker-v2-m3", "query": "What is the capital of France?",
        "documents": ["Brasilia.", "Paris."],
    });
    assert_eq!(sent(), want);
}

#[test]
fn llama_cpp_sends_them_unsorted_and_its_scores_may_be_negative() {
    let reply = json!({
        "model": "m", "object": "list", "usage": {"prompt_tokens": 74, "total_tokens": 74},
        "results": [
            {"index": 0, "relevance_score": -8.5},
            {"index": 1, "relevance_score": -0.5},
        ],
    });
    let mut request = request(&["Brasilia.", "Paris."]);
    request.top_n = Some(1);
    let reply = rerank(request, &reply).unwrap();
    let best = Ranked {
        index: 1,
        score: -0.5,
    };
    assert_eq!(reply.results, [best]);
    assert_eq!(reply.usage, Usage::new(74, 0));
    assert_eq!(sent()["top_n"], 1);
}

#[test]
fn nothing_to_do_asks_nobody() {
    let reply = rerank(request(&[]), &json!({})).unwrap();
    assert!(reply.results.is_empty());
    assert!(testing::http_requests().is_empty());
}

#[test]
fn what_cannot_be_is_an_upstream_error() {
    for reply in [
        json!({"results": [{"index": 2, "relevance_score": 0.5}]}),
        json!({"results": [{"index": 0, "relevance_score": 1e300}]}),
        json!({"results": [{"index": 0}]}),
        json!({}),
    ] {
        let error = rerank(request(&["a", "b"]), &reply).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Upstream, "{reply}");
    }
}

#[test]
fn a_server_without_the_route_is_a_typed_error() {
    testing::reset();
    testing::http(|_| Ok(testing::response(404)));
    let error = OpenAi.rerank(request(&["a"])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}
