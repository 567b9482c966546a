//! `/v1/me`, its password, sessions and second factor.

use inkstone_testkit::api_client::{ApiClient, Identity, PASSWORD, TestApi};
use serde_json::{Value, json};

use crate::check;

async fn login(client: &ApiClient) -> Value {
    let body = json!({"email": "creator@example.org", "password": PASSWORD});
    let reply = client.post("/v1/auth/login", body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[tokio::test]
async fn everybody_sees_themselves() {
    let api = TestApi::start().await;
    for (identity, name) in [
        (Identity::Admin, "admin"),
        (Identity::Creator, "creator"),
        (Identity::Viewer, "viewer"),
    ] {
        let me = api.client(identity).get("/v1/me").await.json();
        assert_eq!(me["id"], api.user(identity).to_string());
        assert_eq!(me["role"], name);
        assert_eq!(me["email"], format!("{name}@example.org"));
        assert_eq!(
            me.as_object().unwrap().len(),
            7,
            "nothing else leaves: {me}"
        );
    }
}

#[tokio::test]
async fn a_name_is_changed_by_its_tag() {
    let api = TestApi::start().await;
    let me = api.creator();
    let tag = me.get("/v1/me").await.header("etag").to_owned();
    let change = me.clone().with_header("if-match", &tag);
    let changed = change.patch("/v1/me", json!({"name": "Ada"})).await;
    assert_eq!(changed.json()["name"], "Ada");
    assert_ne!(changed.header("etag"), tag);
    let stale = change.patch("/v1/me", json!({"name": "Eve"})).await;
    check::problem(&stale, 412, "revision_mismatch");
    let long = me.patch("/v1/me", json!({"name": "x".repeat(101)})).await;
    check::problem(&long, 400, "invalid_input");
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one() {
    let api = TestApi::start().await;
    let me = api.creator();
    let wrong = json!({"current_password": "wrong", "new_password": "battery staple"});
    let refused = me.post("/v1/me/password", wrong).await;
    check::problem(&refused, 401, "invalid_credentials");
    let weak = json!({"current_password": PASSWORD, "new_password": "creator-words"});
    let weak = check::problem(
        &me.post("/v1/me/password", weak).await,
        400,
        "invalid_input",
    );
    assert_eq!(weak["errors"][0]["pointer"], "/new_password");
    let right = json!({"current_password": PASSWORD, "new_password": "battery staple"});
    assert_eq!(me.post("/v1/me/password", right).await.status, 204);
    assert_eq!(me.get("/v1/me").await.status, 200, "this session goes on");
}

#[tokio::test]
async fn sessions_say_where_they_are_used() {
    let api = TestApi::start().await;
    let proxied = api
        .anonymous()
        .from_address("10.0.0.1")
        .with_header("x-forwarded-for", "203.0.113.9")
        .with_header("user-agent", "A browser");
    login(&proxied).await;
    let liar = api
        .anonymous()
        .from_address("198.51.100.7")
        .with_header("x-forwarded-for", "203.0.113.9");
    login(&liar).await;
    let me = api.creator();
    let listed = me.get("/v1/me/sessions").await.json();
    let sessions = listed["data"].as_array().unwrap();
    let addresses: Vec<&Value> = sessions.iter().map(|it| &it["address"]).collect();
    assert_eq!(
        addresses,
        [&json!("198.51.100.7"), &json!("203.0.113.9"), &json!(null)]
    );
    assert_eq!(sessions[1]["user_agent"], "A browser");
    assert_eq!(sessions[2]["current"], true);

    let place = format!("/v1/me/sessions/{}", sessions[0]["id"].as_str().unwrap());
    check::problem(&api.admin().delete(&place).await, 404, "not_found");
    assert_eq!(me.delete(&place).await.status, 204);
    check::problem(&me.delete(&place).await, 404, "not_found");
    assert_eq!(me.delete("/v1/me/sessions").await.status, 204);
    let listed = me.get("/v1/me/sessions").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

/// The codes themselves are tried in the services' tests.
#[tokio::test]
async fn a_second_factor_is_set_up_in_two_steps() {
    let api = TestApi::start().await;
    let me = api.creator();
    let state = me.get("/v1/me/totp").await.json();
    assert_eq!(state, json!({"enabled": false, "recovery_codes_left": 0}));
    let wrong = me.post("/v1/me/totp", json!({"password": "wrong"})).await;
    check::problem(&wrong, 401, "invalid_credentials");
    let begun = me.post("/v1/me/totp", json!({"password": PASSWORD})).await;
    assert_eq!(begun.status, 201);
    assert_eq!(begun.header("cache-control"), "no-store");
    let uri = begun.json()["uri"].to_string();
    assert!(uri.contains("otpauth://totp/inkstone"), "{uri}");
    let wrong = json!({"code": "abcdef"});
    let wrong = me.post("/v1/me/totp/confirm", wrong).await;
    check::problem(&wrong, 400, "invalid_input");
    let off = me.post("/v1/me/totp/disable", json!({"password": PASSWORD}));
    assert_eq!(off.await.status, 204);
    login(&api.anonymous()).await;
}

#[tokio::test]
async fn too_many_tries_must_wait() {
    let api = TestApi::start().await;
    let body = json!({"email": "creator@example.org", "password": "wrong"});
    let client = api.anonymous().from_address("192.0.2.1");
    for _ in 0..5 {
        let reply = client.post("/v1/auth/login", body.clone()).await;
        check::problem(&reply, 401, "invalid_credentials");
    }
    let reply = client.post("/v1/auth/login", body).await;
    check::problem(&reply, 429, "rate_limit_exceeded");
    assert_eq!(reply.header("retry-after"), "1");
}
