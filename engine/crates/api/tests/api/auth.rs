//! `/v1/auth/login`, `/refresh` and `/logout`, and what becomes of bad tokens.

use std::time::Duration;

use inkstone_testkit::api_client::{Identity, PASSWORD, TestApi};
use serde_json::json;

use crate::check;

#[tokio::test]
async fn signing_in_gives_a_pair_that_works() {
    let api = TestApi::start().await;
    let body = json!({"email": "Creator@Example.org", "password": PASSWORD});
    let reply = api.anonymous().post("/v1/auth/login", body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), "no-store");
    let pair = reply.json();
    assert_eq!(pair["token_type"], "Bearer");
    assert!(pair["expires_in"].as_u64().unwrap() > 0);
    let client = api
        .anonymous()
        .with_token(pair["access_token"].as_str().unwrap());
    let me = client.get("/v1/me").await.json();
    assert_eq!(me["id"], api.user(Identity::Creator).to_string());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_mail_look_alike() {
    let api = TestApi::start().await;
    let wrong = json!({"email": "creator@example.org", "password": "wrong"});
    let unknown = json!({"email": "nobody@example.org", "password": PASSWORD});
    let wrong = api.anonymous().post("/v1/auth/login", wrong).await;
    let unknown = api.anonymous().post("/v1/auth/login", unknown).await;
    let one = check::problem(&wrong, 401, "invalid_credentials");
    let other = check::problem(&unknown, 401, "invalid_credentials");
    assert_eq!(one["detail"], other["detail"]);
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    let body = json!({"email": "creator@example.org", "password": PASSWORD});
    let first = client.post("/v1/auth/login", body).await.json();
    let spend = json!({"refresh_token": first["refresh_token"]});
    let second = client.post("/v1/auth/refresh", spend.clone()).await;
    assert_eq!(second.status, 200);
    let second = second.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    check::problem(
        &client.post("/v1/auth/refresh", spend).await,
        401,
        "token_reused",
    );
    let successor = json!({"refresh_token": second["refresh_token"]});
    let reply = client.post("/v1/auth/refresh", successor).await;
    assert_eq!(reply.status, 401, "reuse ends the whole sign-in");
    let reply = client
        .post("/v1/auth/refresh", json!({"refresh_token": "nonsense"}))
        .await;
    check::problem(&reply, 401, "invalid_token");
}

#[tokio::test]
async fn signing_out_ends_the_refresh_token() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    let body = json!({"email": "creator@example.org", "password": PASSWORD});
    let pair = client.post("/v1/auth/login", body).await.json();
    let spend = json!({"refresh_token": pair["refresh_token"]});
    let reply = client.post("/v1/auth/logout", spend.clone()).await;
    assert_eq!(reply.status, 204);
    assert!(reply.body.is_empty());
    assert_eq!(client.post("/v1/auth/refresh", spend).await.status, 401);
    let reply = client
        .post("/v1/auth/logout", json!({"refresh_token": "nonsense"}))
        .await;
    assert_eq!(reply.status, 204, "an unknown token is no error");
}

#[tokio::test]
async fn bad_tokens_are_told_apart() {
    let api = TestApi::start().await;
    let missing = api.anonymous().get("/v1/me").await;
    check::problem(&missing, 401, "missing_token");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    let broken = api
        .anonymous()
        .with_token("abc.def.ghi")
        .get("/v1/me")
        .await;
    check::problem(&broken, 401, "invalid_token");
    let basic = api
        .anonymous()
        .with_header("authorization", "Basic YTpi")
        .get("/v1/me")
        .await;
    check::problem(&basic, 401, "invalid_token");
    api.clock.advance(Duration::from_secs(30 * 24 * 3600));
    check::problem(&api.creator().get("/v1/me").await, 401, "token_expired");
    let chat = api.creator().post("/v1/chat/completions", json!({})).await;
    check::openai_error(&chat, 401, "authentication_error", "token_expired");
}
