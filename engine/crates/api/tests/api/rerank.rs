//! `/v1/rerank`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

const PATH: &str = "/v1/rerank";

#[tokio::test]
async fn the_best_come_first() {
    let api = TestApi::start().await;
    let body = json!({"model": "fake/rerank", "query": "größte Stadt", "top_n": 2, "return_documents": true,
                      "documents": ["ein Dorf", {"text": "die größte Stadt"}, "eine Stadt 🏙"]});
    let reply = api.creator().post(PATH, body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("x-inkstone-plugin"), "provider-fake@1.0.0");
    let ranking = reply.json();
    assert!(ranking["id"].as_str().unwrap().starts_with("rerank-"));
    assert_eq!(ranking["model"], "fake/rerank");
    assert_eq!(
        ranking["results"],
        json!([{"index": 1, "relevance_score": 2.0, "document": {"text": "die größte Stadt"}},
               {"index": 2, "relevance_score": 1.0, "document": {"text": "eine Stadt 🏙"}}])
    );
    assert_eq!(ranking["meta"]["billed_units"]["search_units"], 1);
}

#[tokio::test]
async fn wrong_requests_name_the_field() {
    let api = TestApi::start().await;
    for (body, param) in [
        (json!({"query": "", "documents": ["a"]}), "query"),
        (json!({"query": "a", "documents": []}), "documents"),
        (json!({"query": "a", "documents": ["a", 7]}), "documents[1]"),
        (
            json!({"query": "a", "documents": ["a"], "top_n": 0}),
            "top_n",
        ),
    ] {
        let reply = api.creator().post(PATH, body).await;
        let error = check::openai_error(&reply, 400, "invalid_request_error", "invalid_input");
        assert_eq!(error["param"], param, "{error}");
    }
}

#[tokio::test]
async fn an_unknown_model() {
    let api = TestApi::start().await;
    let body = json!({"model": "nobody/rerank", "query": "a", "documents": ["a"]});
    let reply = api.creator().post(PATH, body).await;
    check::openai_error(&reply, 404, "invalid_request_error", "unknown_model");
}
