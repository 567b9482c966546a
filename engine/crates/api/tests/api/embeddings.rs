//! `/v1/embeddings`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

const PATH: &str = "/v1/embeddings";

#[tokio::test]
async fn numbers_or_base64() {
    let api = TestApi::start().await;
    let body = json!({"model": "fake/embed", "input": ["a", "bc"]});
    let reply = api.creator().post(PATH, body).await;
    assert_eq!(
        reply.json(),
        json!({"object": "list", "model": "fake/embed", "usage": {"prompt_tokens": 2, "total_tokens": 2}, "data": [
            {"object": "embedding", "index": 0, "embedding": [1.0, 1.0]},
            {"object": "embedding", "index": 1, "embedding": [2.0, 1.0]}]})
    );
    let body = json!({"model": "fake/embed", "input": "a", "encoding_format": "base64"});
    let reply = api.creator().post(PATH, body).await.json();
    assert_eq!(reply["data"][0]["embedding"], "AACAPwAAgD8=");
}

#[tokio::test]
async fn wrong_requests_name_the_field() {
    let api = TestApi::start().await;
    for (body, param) in [
        (
            json!({"model": "fake/embed", "input": [[1, 2]]}),
            "input[0]",
        ),
        (json!({"model": "fake/embed", "input": [1, 2]}), "input[0]"),
        (json!({"model": "fake/embed", "input": []}), "input"),
        (
            json!({"model": "fake/embed", "input": "a", "encoding_format": "hex"}),
            "encoding_format",
        ),
        (
            json!({"model": "fake/embed", "input": "a", "dimensions": 0}),
            "dimensions",
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
    let reply = api
        .creator()
        .post(PATH, json!({"model": "nobody/embed", "input": "a"}))
        .await;
    check::openai_error(&reply, 404, "invalid_request_error", "unknown_model");
}
