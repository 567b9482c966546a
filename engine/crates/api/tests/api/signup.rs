//! `/v1/auth/signup`, `/v1/auth/email`, `/v1/auth/password` and `/v1/invitations`.

use inkstone_services::signup::SignupMode;
use inkstone_testkit::MemMailer;
use inkstone_testkit::api_client::{Setup, TestApi, TestReply};
use serde_json::{Value, json};

use crate::check;

async fn api(signup: SignupMode) -> TestApi {
    TestApi::with(Setup {
        signup,
        ..Setup::default()
    })
    .await
}

fn ada() -> Value {
    json!({"email": "ada@example.org", "name": "Ada", "password": "battery staple"})
}

/// All that a client can see but the time and the request's id.
fn seen(reply: &TestReply) -> (u16, Vec<u8>, Vec<String>) {
    let names = reply.headers.keys().map(|name| name.to_string());
    (reply.status, reply.body.to_vec(), names.collect())
}

#[tokio::test]
async fn signing_up_is_off_until_it_is_said_otherwise() {
    let off = api(SignupMode::Off).await;
    let refused = off.anonymous().post("/v1/auth/signup", ada()).await;
    check::problem(&refused, 403, "forbidden");
    let invite = json!({"email": "ada@example.org", "role": "viewer"});
    let refused = off.admin().post("/v1/invitations", invite).await;
    check::problem(&refused, 409, "conflict");
    let invited = api(SignupMode::Invitation).await;
    let refused = invited.anonymous().post("/v1/auth/signup", ada()).await;
    check::problem(&refused, 403, "forbidden");
}

#[tokio::test]
async fn an_invited_person_signs_up_and_in() {
    let api = api(SignupMode::Invitation).await;
    let invite = json!({"email": "ada@example.org", "role": "creator"});
    let made = api.admin().post("/v1/invitations", invite).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mail = api.mailer.nth(1).await;
    let token = MemMailer::token_of(&mail);
    assert!(!made.text().contains(&token));
    let listed = api.admin().get("/v1/invitations").await;
    assert_eq!(listed.json()["data"], json!([made.json()]));
    assert!(!listed.text().contains(&token));

    let mut body = ada();
    body["invitation"] = json!(token);
    let client = api.anonymous();
    let reply = client.post("/v1/auth/signup", body.clone()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let again = client.post("/v1/auth/signup", body).await;
    check::problem(&again, 401, "invalid_token");
    let login = json!({"email": "ada@example.org", "password": "battery staple"});
    let pair = client.post("/v1/auth/login", login).await.json();
    let client = client.with_token(pair["access_token"].as_str().unwrap());
    assert_eq!(client.get("/v1/me").await.json()["role"], "creator");
    let place = made.header("location").to_owned();
    check::problem(&api.admin().delete(&place).await, 404, "not_found");
}

/// Known and unknown addresses, in everything that can be asked without a token.
#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let api = api(SignupMode::Open).await;
    let client = api.anonymous();
    for path in [
        "/v1/auth/signup",
        "/v1/auth/password/forgot",
        "/v1/auth/login",
    ] {
        let mut replies = Vec::new();
        for email in ["creator@example.org", "nobody@example.org"] {
            let body = match path {
                "/v1/auth/password/forgot" => json!({"email": email}),
                // By now the second address may have an account: it has just signed up.
                "/v1/auth/login" => json!({"email": email, "password": "a wrong staple"}),
                _ => json!({"email": email, "password": "battery staple"}),
            };
            replies.push(client.post(path, body).await);
        }
        let (known, unknown) = (seen(&replies[0]), seen(&replies[1]));
        match path {
            "/v1/auth/login" => {
                let detail = |reply: &TestReply| reply.json()["detail"].clone();
                assert_eq!(detail(&replies[0]), detail(&replies[1]));
                assert_eq!((known.0, known.2), (unknown.0, unknown.2));
            }
            _ => {
                assert_eq!(replies[0].status, 202);
                assert_eq!(known, unknown, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn what_may_not_be_set_is_refused() {
    let api = api(SignupMode::Open).await;
    let client = api.anonymous();
    for (name, value) in [
        ("role", json!("admin")),
        ("email_verified", json!(true)),
        ("id", json!("usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")),
        ("password_hash", json!("x")),
    ] {
        let mut body = ada();
        body[name] = value;
        let reply = client.post("/v1/auth/signup", body).await;
        check::problem(&reply, 400, "invalid_input");
    }
    for (name, value) in [
        ("name", "Ada\r\nBcc: eve@example.org"),
        ("email", "ada@example.org\r\nBcc: eve@example.org"),
        ("email", "ada@example.org, eve@example.org"),
        ("email", "<ada@example.org>"),
        ("password", "password123"),
        ("password", "short"),
    ] {
        let mut body = ada();
        body[name] = json!(value);
        let reply = client.post("/v1/auth/signup", body).await;
        let problem = check::problem(&reply, 400, "invalid_input");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{name}"));
    }
}

#[tokio::test]
async fn a_password_is_forgotten_and_set_anew() {
    let api = api(SignupMode::Off).await;
    let client = api.anonymous();
    let forgot = json!({"email": "creator@example.org"});
    let reply = client.post("/v1/auth/password/forgot", forgot).await;
    assert_eq!(reply.status, 202);
    let token = MemMailer::token_of(&api.mailer.nth(1).await);
    let reset = json!({"token": token, "new_password": "battery staple"});
    let reply = client.post("/v1/auth/password/reset", reset.clone()).await;
    assert_eq!(reply.status, 204, "{reply:?}");
    let again = client.post("/v1/auth/password/reset", reset).await;
    check::problem(&again, 401, "invalid_token");
    let refused = api.creator().get("/v1/me").await;
    check::problem(&refused, 401, "invalid_token");
    let login = json!({"email": "creator@example.org", "password": "battery staple"});
    assert_eq!(client.post("/v1/auth/login", login).await.status, 200);
}

#[tokio::test]
async fn an_address_is_verified() {
    let api = api(SignupMode::Open).await;
    let client = api.anonymous();
    client.post("/v1/auth/signup", ada()).await;
    let token = MemMailer::token_of(&api.mailer.nth(1).await);
    let login = json!({"email": "ada@example.org", "password": "battery staple"});
    let early = client.post("/v1/auth/login", login.clone()).await;
    check::problem(&early, 403, "email_not_verified");
    let verify = json!({"token": token});
    let reply = client.post("/v1/auth/email/verify", verify).await;
    assert_eq!(reply.status, 204);
    assert_eq!(client.post("/v1/auth/login", login).await.status, 200);
}
