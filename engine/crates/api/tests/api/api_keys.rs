//! `/v1/me/api-keys`, and what such keys open.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use inkstone_domain::ports::Clock;
use inkstone_testkit::api_client::{ApiClient, TestApi};
use serde_json::{Value, json};

use crate::check;

async fn make(client: &ApiClient, body: Value) -> Value {
    let reply = client.post("/v1/me/api-keys", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

async fn bearer(api: &TestApi, owner: &ApiClient, scopes: &[&str]) -> ApiClient {
    let made = make(owner, json!({"name": "ci", "scopes": scopes})).await;
    api.anonymous().with_token(made["token"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_is_shown_once_listed_and_removed() {
    let api = TestApi::start().await;
    let creator = api.creator();
    let end = api.clock.now() + Duration::from_secs(3600);
    let wish = json!({"name": "ci", "scopes": ["articles:read"], "expires_at": end});
    let made = make(&creator, wish).await;
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("ink_"), "{token}");
    assert!(token.ends_with(made["hint"].as_str().unwrap()));
    let listed = creator.get("/v1/me/api-keys").await;
    assert!(!listed.text().contains(token));
    assert_eq!(listed.json()["data"][0]["id"], made["id"]);
    let others = api.stranger().get("/v1/me/api-keys").await.json();
    assert_eq!(others["data"], json!([]));

    let client = api.anonymous().with_token(token);
    assert_eq!(client.get("/v1/me").await.status, 200);
    api.clock.advance(Duration::from_secs(3600));
    let late = client.get("/v1/articles").await;
    check::problem(&late, 401, "token_expired");

    let place = format!("/v1/me/api-keys/{}", made["id"].as_str().unwrap());
    let body = json!({"email": "stranger@example.org",
        "password": inkstone_testkit::api_client::PASSWORD});
    let stranger = api.anonymous().post("/v1/auth/login", body).await.json();
    let stranger = api
        .anonymous()
        .with_token(stranger["access_token"].as_str().unwrap());
    check::problem(&stranger.delete(&place).await, 404, "not_found");
    let body = json!({"email": "creator@example.org",
        "password": inkstone_testkit::api_client::PASSWORD});
    let creator = api.anonymous().post("/v1/auth/login", body).await.json();
    let creator = api
        .anonymous()
        .with_token(creator["access_token"].as_str().unwrap());
    assert_eq!(creator.delete(&place).await.status, 204);
    let gone = client.get("/v1/articles").await;
    check::problem(&gone, 401, "invalid_token");
}

#[tokio::test]
async fn scopes_open_their_routes_and_no_others() {
    let api = TestApi::start().await;
    let reads = bearer(&api, &api.creator(), &["articles:read"]).await;
    let writes = bearer(&api, &api.creator(), &["articles:read", "articles:write"]).await;
    let asks = bearer(&api, &api.creator(), &["models:call"]).await;
    let question = json!({"model": "fake/chat", "messages": [{"role": "user", "content": "one"}]});
    let article = json!({"title": "A"});
    let answers = [
        (reads.get("/v1/articles").await, 200),
        (reads.get("/v1/search?q=a").await, 200),
        (reads.post("/v1/articles", article.clone()).await, 403),
        (reads.get("/v1/jobs").await, 403),
        (reads.get("/v1/keys").await, 403),
        (writes.post("/v1/articles", article).await, 201),
        (asks.get("/v1/articles").await, 403),
        (asks.get("/v1/models").await, 200),
    ];
    for (reply, status) in answers {
        assert_eq!(reply.status, status, "{reply:?}");
    }
    let answer = asks.post("/v1/chat/completions", question.clone()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let refused = reads.post("/v1/chat/completions", question).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["error"]["code"], "forbidden");
}

#[tokio::test]
async fn no_key_reaches_the_account_of_its_owner() {
    let api = TestApi::start().await;
    let all = ["admin", "articles:read", "articles:write", "models:call"];
    let client = bearer(&api, &api.admin(), &all).await;
    assert_eq!(client.get("/v1/users").await.status, 200);
    for (method, path, body) in [
        (Method::PATCH, "/v1/me", json!({"name": "x"})),
        (Method::GET, "/v1/me/sessions", Value::Null),
        (Method::DELETE, "/v1/me/sessions", Value::Null),
        (Method::POST, "/v1/me/password", json!({})),
        (Method::POST, "/v1/me/totp", json!({})),
        (Method::GET, "/v1/me/api-keys", Value::Null),
        (
            Method::POST,
            "/v1/me/api-keys",
            json!({"name": "another", "scopes": ["admin"]}),
        ),
        (Method::POST, "/v1/keys", json!({"name": "another"})),
    ] {
        let body = Some(body).filter(|body| !body.is_null());
        let reply = client.send(method.clone(), path, body).await;
        assert_eq!(reply.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_never_does_more_than_its_owner() {
    let api = TestApi::start().await;
    for scopes in [json!(["admin"]), json!(["articles:write"])] {
        let refused = api
            .viewer()
            .post("/v1/me/api-keys", json!({"name": "up", "scopes": scopes}))
            .await;
        check::problem(&refused, 403, "forbidden");
    }
    for body in [
        json!({"name": "ci", "scopes": []}),
        json!({"name": "", "scopes": ["articles:read"]}),
        json!({"name": "ci", "scopes": ["articles:*"]}),
        json!({"name": "ci", "scopes": ["articles:read"], "owner": "usr_x"}),
        json!({"name": "ci", "scopes": ["articles:read"], "expires_at": "2001-01-01T00:00:00Z"}),
    ] {
        let refused = api.creator().post("/v1/me/api-keys", body).await;
        check::problem(&refused, 400, "invalid_input");
    }
    // An admin's key without the scope is no admin.
    let client = bearer(&api, &api.admin(), &["articles:read", "articles:write"]).await;
    let refused = client.get("/v1/users").await;
    check::problem(&refused, 403, "forbidden");
    let draft = api
        .creator()
        .post("/v1/articles", json!({"title": "A"}))
        .await;
    let draft = format!("/v1/articles/{}", draft.json()["id"].as_str().unwrap());
    assert_eq!(api.admin().get(&draft).await.status, 200);
    check::problem(&client.get(&draft).await, 404, "not_found");
}

/// A demoted owner's keys are demoted at once.
#[tokio::test]
async fn a_demoted_owner_takes_the_keys_along() {
    let api = TestApi::start().await;
    let client = bearer(&api, &api.creator(), &["articles:write"]).await;
    let user = api.user(inkstone_testkit::api_client::Identity::Creator);
    let change = json!({"role": "viewer"});
    let path = format!("/v1/users/{user}");
    assert_eq!(api.admin().patch(&path, change).await.status, 200);
    let refused = client.post("/v1/articles", json!({"title": "A"})).await;
    check::problem(&refused, 403, "forbidden");
}

#[tokio::test]
async fn tokens_differ() {
    let api = TestApi::start().await;
    let mut tokens = BTreeSet::new();
    for _ in 0..3 {
        let made = make(
            &api.creator(),
            json!({"name": "ci", "scopes": ["jobs:read"]}),
        )
        .await;
        tokens.insert(made["token"].to_string());
    }
    assert_eq!(tokens.len(), 3);
}
