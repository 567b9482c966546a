//! `/v1/users` and `/v1/signing-keys`.

use axum::http::Method;
use inkstone_testkit::api_client::{Identity, PASSWORD, TestApi};
use serde_json::json;

use crate::check;

#[tokio::test]
async fn an_admin_makes_lists_and_changes_users() {
    let api = TestApi::start().await;
    let admin = api.admin();
    let wish = json!({"email": "New@Example.org", "name": "New", "role": "viewer",
        "password": "battery staple"});
    let made = admin.post("/v1/users", wish.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("etag"), "\"1\"");
    let place = made.header("location").to_owned();
    let user = made.json();
    assert_eq!(place, format!("/v1/users/{}", user["id"].as_str().unwrap()));
    assert_eq!(user["email"], "new@example.org");
    assert!(user.get("password_hash").is_none());
    let again = admin.post("/v1/users", wish).await;
    check::problem(&again, 409, "already_exists");

    let page = admin.get("/v1/users?limit=2").await.json();
    assert_eq!(page["data"][0], user);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("/v1/users?limit=100&cursor={cursor}");
    let next = admin.get(&next).await;
    assert_eq!(next.json()["data"].as_array().unwrap().len(), 3);
    check::problem(&admin.get("/v1/users?limt=2").await, 400, "invalid_input");
    let injected = admin.get("/v1/users?cursor=x'%20OR%20true%20--").await;
    check::problem(&injected, 400, "invalid_input");

    let held = admin.clone().with_header("if-none-match", "\"1\"");
    assert_eq!(held.get(&place).await.status, 304);
    let change = json!({"role": "creator", "name": "Newer"});
    let changed = admin
        .clone()
        .with_header("if-match", "\"1\"")
        .patch(&place, change.clone())
        .await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(changed.json()["role"], "creator");
    let stale = admin.clone().with_header("if-match", "\"1\"");
    let stale = stale.patch(&place, json!({"name": "Other"})).await;
    check::problem(&stale, 412, "revision_mismatch");
    let own = format!("/v1/users/{}", api.user(Identity::Admin));
    let own = admin.patch(&own, json!({"role": "viewer"})).await;
    check::problem(&own, 409, "conflict");
}

#[tokio::test]
async fn nothing_else_can_be_set() {
    let api = TestApi::start().await;
    let user = format!("/v1/users/{}", api.user(Identity::Viewer));
    for (path, body) in [
        ("/v1/me", json!({"role": "admin"})),
        ("/v1/me", json!({"email": "admin@example.org"})),
        ("/v1/me", json!({"email_verified": true})),
        (user.as_str(), json!({"password_hash": "x"})),
        (
            user.as_str(),
            json!({"id": "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P"}),
        ),
        (user.as_str(), json!({"revision": 9})),
    ] {
        let reply = api.admin().patch(path, body).await;
        check::problem(&reply, 400, "invalid_input");
    }
    let both = json!({"email": "a@example.org", "role": "viewer", "password": "battery staple",
        "password_hash": "$2b$04$x"});
    let neither = json!({"email": "a@example.org", "role": "viewer"});
    for body in [both, neither] {
        let reply = api.admin().post("/v1/users", body).await;
        check::problem(&reply, 400, "invalid_input");
    }
}

#[tokio::test]
async fn a_disabled_user_cannot_go_on() {
    let api = TestApi::start().await;
    let body = json!({"email": "creator@example.org", "password": PASSWORD});
    let pair = api.anonymous().post("/v1/auth/login", body.clone()).await;
    let user = format!("/v1/users/{}", api.user(Identity::Creator));
    let reply = api.admin().patch(&user, json!({"disabled": true})).await;
    assert!(reply.json()["disabled_at"].is_string());
    let spend = json!({"refresh_token": pair.json()["refresh_token"]});
    let refused = api.anonymous().post("/v1/auth/refresh", spend).await;
    check::problem(&refused, 401, "invalid_token");
    let refused = api.creator().get("/v1/me").await;
    check::problem(&refused, 401, "invalid_token");
    let refused = api.anonymous().post("/v1/auth/login", body).await;
    check::problem(&refused, 403, "forbidden");
}

#[tokio::test]
async fn the_signing_key_changes_while_tokens_hold() {
    let api = TestApi::start().await;
    let keys = api.anonymous().get("/.well-known/jwks.json").await.json();
    let key = &keys["keys"][0];
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (
            &json!("OKP"),
            &json!("Ed25519"),
            &json!("EdDSA"),
            &json!("sig")
        )
    );
    let public = key.as_object().unwrap();
    assert_eq!(public.len(), 6, "no private part: {key}");
    let after = api
        .admin()
        .send(Method::POST, "/v1/signing-keys/rotate", None)
        .await
        .json();
    assert_eq!(after["keys"][1], *key);
    assert_eq!(api.creator().get("/v1/me").await.status, 200);
    let shown = api.anonymous().get("/.well-known/jwks.json").await;
    assert_eq!(shown.json(), after);
}
