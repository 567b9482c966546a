//! `Idempotency-Key` on what creates: one of many requests with a key is made.

use std::collections::BTreeSet;

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
    assert_eq!(again.header("idempotent-replayed"), "true");
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

/// `POST` that takes no `Idempotency-Key`, and why.
const WITHOUT_KEY: &[(&str, &[&str])] = &[
    (
        "nobody has signed in whose key it would be",
        &[
            "/v1/auth/email/verify",
            "/v1/auth/login",
            "/v1/auth/logout",
            "/v1/auth/oidc/tokens",
            "/v1/auth/password/forgot",
            "/v1/auth/password/reset",
            "/v1/auth/refresh",
            "/v1/auth/signup",
        ],
    ),
    (
        "its reply or its body holds a secret, of which nothing is kept",
        &[
            "/v1/keys",
            "/v1/keys/{id}/rotate",
            "/v1/me/api-keys",
            "/v1/me/identities/{issuer}/start",
            "/v1/me/password",
            "/v1/me/totp",
            "/v1/me/totp/confirm",
            "/v1/me/totp/disable",
            "/v1/media/{id}/link",
            "/v1/projects/{slug}/webhooks",
            "/v1/users",
            "/v1/webhooks",
            "/v1/webhooks/{id}/secrets",
        ],
    ),
    (
        "its body is a file, which is not held in memory; uploads in pieces go on where they broke off",
        &[
            "/v1/plugins",
            "/v1/projects/{slug}/imports",
            "/v1/projects/{slug}/media",
            "/v1/projects/{slug}/uploads",
        ],
    ),
    (
        "it says how something is to be, so that saying it again changes nothing",
        &[
            "/v1/articles/{id}/comments/{comment}/accept",
            "/v1/articles/{id}/comments/{comment}/reject",
            "/v1/articles/{id}/comments/{comment}/resolve",
            "/v1/articles/{id}/restore",
            "/v1/articles/{id}/revisions/{revision}/restore",
            "/v1/articles/{id}/transitions",
            "/v1/events/handlers/{name}/replay",
            "/v1/media/{id}/restore",
            "/v1/notifications/read",
            "/v1/plugins/reload",
            "/v1/plugins/{id}/recordings",
            "/v1/plugins/{id}/rollout/promote",
            "/v1/plugins/{id}/rollout/restart",
            "/v1/plugins/{id}/rollout/rollback",
            "/v1/projects/{slug}/tags/{tag}/merge",
            "/v1/projects/{slug}/tags/{tag}/rename",
            "/v1/ratings",
            "/v1/search/index/rebuild",
        ],
    ),
    (
        "it only looks",
        &[
            "/v1/articles/{id}/merge",
            "/v1/plugins/{id}/connection",
            "/v1/projects/{slug}/prompts/{name}/render",
            "/v1/search",
            "/v1/search/index/verify",
        ],
    ),
];

#[test]
fn every_post_takes_a_key_or_has_a_reason_not_to() {
    let document = inkstone_api::openapi();
    let mut without = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut keys = parameters.filter(|it| it["name"] == "idempotency-key");
            match (method.as_str(), keys.next()) {
                (_, Some(key)) => {
                    assert_eq!((method.as_str(), &key["in"]), ("post", &json!("header")));
                    let reused = &operation["responses"]["422"];
                    assert!(reused.is_object(), "{path} does not tell of 422");
                }
                ("post", None) if path.starts_with("/v1/") => {
                    without.insert(path.as_str());
                }
                _ => {}
            }
        }
    }
    let excused = WITHOUT_KEY.iter().flat_map(|(_, paths)| *paths).copied();
    assert_eq!(without, excused.collect::<BTreeSet<_>>());
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
