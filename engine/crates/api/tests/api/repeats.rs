//! `Idempotency-Key` on what creates: one of many requests with a key is made.

use axum::http::Method;
use futures::future::join_all;
use inkstone_testkit::api_client::{ApiClient, TestApi, TestReply};
use serde_json::{Value, json};

async fn keyed(client: &ApiClient, key: &str, path: &str, body: Option<Value>) -> TestReply {
    let client = client.clone().with_header("idempotency-key", key);
    client.send(Method::POST, path, body).await
}

#[tokio::test]
async fn the_first_reply_is_kept() {
    let api = TestApi::start().await;
    let client = &api.creator();
    let article = json!({"title": "The tides"});
    let key = "a-1";
    let first = keyed(client, key, "/v1/articles", Some(article.clone())).await;
    assert_eq!(first.status, 201);
    let again = keyed(client, key, "/v1/articles", Some(article.clone())).await;
    assert_eq!(again.status, 201);
    assert_eq!(again.json(), first.json());
    for header in ["location", "etag", "content-type"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    assert_eq!(again.header("idempotency-replayed"), "true");
    let list = client.get("/v1/articles").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    let other = json!({"title": "The moon"});
    let reused = keyed(client, key, "/v1/articles", Some(other)).await;
    assert_eq!(reused.status, 422);
    assert_eq!(reused.json()["code"], "idempotency_key_reused");
    // Another's key is another key.
    let foreign = keyed(&api.stranger(), key, "/v1/articles", Some(article)).await;
    assert_eq!(foreign.status, 201);
    assert_ne!(foreign.json()["id"], first.json()["id"]);
}

#[tokio::test]
async fn of_many_at_once_one_is_made() {
    let api = TestApi::start().await;
    let client = &api.creator();
    let key = "\"b-1\"";
    let project = || Some(json!({"slug": "handbook"}));
    let calls = (0..8).map(|_| keyed(client, key, "/v1/projects", project()));
    for reply in join_all(calls).await {
        assert_eq!(reply.status, 201, "{reply:?}");
    }
}

#[tokio::test]
async fn what_failed_may_be_tried_again() {
    let api = TestApi::start().await;
    let client = &api.creator();
    let key = "c-1";
    let article = Some(json!({"title": "A", "project": "later"}));
    let early = keyed(client, key, "/v1/articles", article.clone()).await;
    assert_eq!(early.status, 404);
    assert_eq!(
        client
            .post("/v1/projects", json!({"slug": "later"}))
            .await
            .status,
        201
    );
    let made = keyed(client, key, "/v1/articles", article).await;
    assert_eq!(made.status, 201);
    let long = "x".repeat(300);
    let refused = keyed(client, &long, "/v1/articles", Some(json!({"title": "A"}))).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn nobody_gets_a_kept_reply_without_a_token() {
    let api = TestApi::start().await;
    let key = "d-1";
    let article = || Some(json!({"title": "A"}));
    let made = keyed(&api.creator(), key, "/v1/articles", article()).await;
    assert_eq!(made.status, 201);
    let refused = keyed(&api.anonymous(), key, "/v1/articles", article()).await;
    assert_eq!(refused.status, 401);
}
