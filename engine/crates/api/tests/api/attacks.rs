//! What people try who mean no good, where no other file is about it. `docs/security/attacks.md` names the
//! test of every attack.

use std::sync::Arc;

use axum::http::Method;
use inkstone_domain::ports::UserStore;
use inkstone_domain::principal::{Account, Role, User};
use inkstone_testkit::api_client::{Identity, PASSWORD, Setup, TestApi};
use inkstone_testkit::sample;
use serde_json::{Value, json};

use crate::check;

/// Routes whose bodies are as others made them: what they do not know, they pass over, and it reaches no
/// record of ours.
const OF_OTHERS: [&str; 5] = [
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/rerank",
    "/v1/responses",
];

#[tokio::test]
async fn no_body_takes_a_field_that_is_not_documented() {
    let document = serde_json::to_value(inkstone_api::openapi()).unwrap();
    let mut open = Vec::new();
    let mut looked_at = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if OF_OTHERS.contains(&path.as_str()) {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(name) = body["$ref"].as_str() else {
                continue;
            };
            let name = name.rsplit('/').next().unwrap();
            let schema = &document["components"]["schemas"][name];
            looked_at += 1;
            if schema["additionalProperties"] != json!(false) {
                open.push(format!("{method} {path} ({name})"));
            }
        }
    }
    assert!(looked_at > 30, "{looked_at}");
    assert_eq!(open, Vec::<String>::new());
}

/// A body that is taken, and what is added to it.
type Assignments<'a> = (Method, &'a str, Value, &'a [(&'a str, Value)]);

#[tokio::test]
async fn nobody_assigns_what_is_not_theirs_to_say() {
    let api = TestApi::with(Setup {
        signup: inkstone_services::signup::SignupMode::Open,
        ..Setup::default()
    })
    .await;
    let creator = api.creator();
    let admin = json!(api.user(Identity::Admin));
    let tries: [Assignments<'_>; 4] = [
        (
            Method::PATCH,
            "/v1/me",
            json!({"name": "x"}),
            &[
                ("role", json!("admin")),
                ("email", json!("root@example.org")),
                ("email_verified", json!(true)),
                ("disabled", json!(false)),
                ("password_hash", json!("x")),
                ("id", admin.clone()),
                ("revision", json!(9)),
            ],
        ),
        (
            Method::POST,
            "/v1/auth/signup",
            json!({"email": "eve@example.org", "password": "battery staple"}),
            &[("role", json!("admin")), ("email_verified", json!(true))],
        ),
        (
            Method::POST,
            "/v1/articles",
            json!({"title": "A"}),
            &[
                ("owner", admin.clone()),
                ("id", json!("art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")),
                ("created_at", json!("2020-01-01T00:00:00Z")),
                ("revision", json!(9)),
            ],
        ),
        (
            Method::POST,
            "/v1/me/api-keys",
            json!({"name": "ci", "scopes": ["articles:read"]}),
            &[
                ("owner", admin.clone()),
                ("token", json!("x")),
                ("role", json!("admin")),
            ],
        ),
    ];
    for (method, path, body, fields) in tries {
        for (field, value) in fields {
            let mut body = body.clone();
            body[*field] = value.clone();
            let reply = creator.send(method.clone(), path, Some(body)).await;
            let problem = check::problem(&reply, 400, "invalid_input");
            let detail = problem.to_string();
            assert!(detail.contains("unknown field"), "{path} {field}: {detail}");
        }
        let reply = creator.send(method.clone(), path, Some(body)).await;
        assert!(reply.status < 300, "{path}: {reply:?}");
    }
    let me = creator.get("/v1/me").await.json();
    assert_eq!(me["role"], "creator");
}

#[tokio::test]
async fn no_name_or_address_becomes_a_header() {
    let api = TestApi::with(Setup {
        signup: inkstone_services::signup::SignupMode::Invitation,
        ..Setup::default()
    })
    .await;
    let (admin, creator) = (api.admin(), api.creator());
    for injected in ["a\r\nBcc: eve@example.org", "a\nb", "a\rb", "a\u{0}b"] {
        let mail = format!("ada@example.org{}", &injected[1..]);
        let user = |email: &str, name: &str| json!({"email": email, "name": name, "role": "viewer", "password": "battery staple"});
        let tries = [
            (&creator, Method::PATCH, "/v1/me", json!({"name": injected})),
            (
                &admin,
                Method::POST,
                "/v1/users",
                user("ada@example.org", injected),
            ),
            (&admin, Method::POST, "/v1/users", user(&mail, "Ada")),
            (
                &admin,
                Method::POST,
                "/v1/invitations",
                json!({"email": mail, "role": "viewer"}),
            ),
            (
                &creator,
                Method::POST,
                "/v1/auth/password/forgot",
                json!({"email": mail}),
            ),
        ];
        for (client, method, path, body) in tries {
            let reply = client.send(method, path, Some(body)).await;
            check::problem(&reply, 400, "invalid_input");
        }
    }
    assert!(api.mailer.sent().is_empty());
    // What comes back of a request in headers is never what was sent, if it is more than a word.
    for sent in ["a b", "a,b", "a;b", "\"a\"", &"a".repeat(500)] {
        let reply = api
            .anonymous()
            .with_header("x-request-id", sent)
            .get("/livez")
            .await;
        assert_ne!(reply.header("x-request-id"), sent);
    }
}

#[tokio::test]
async fn every_sign_in_that_fails_costs_the_same_work() {
    let api = TestApi::start().await;
    let without_password = User::new(
        "elsewhere@example.org".to_owned(),
        String::new(),
        Role::Viewer,
        sample::now(),
    );
    let account = Account {
        user: without_password,
        password_hash: String::new(),
    };
    let created = api.store.create_user(account, sample::some_audit()).await;
    created.unwrap();
    let disabled = format!("/v1/users/{}", api.user(Identity::Stranger));
    let body = json!({"disabled": true});
    assert_eq!(api.admin().patch(&disabled, body).await.status, 200);

    let mut texts = Vec::new();
    for (email, password) in [
        ("creator@example.org", "wrong"),
        ("nobody@example.org", "wrong"),
        ("elsewhere@example.org", "wrong"),
        ("elsewhere@example.org", ""),
        ("stranger@example.org", "wrong"),
        ("Creator@Example.org ", "wrong"),
    ] {
        let before = api.services.auth.hashing_work();
        let body = json!({"email": email, "password": password});
        let reply = api.anonymous().post("/v1/auth/login", body).await;
        let problem = check::problem(&reply, 401, "invalid_credentials");
        texts.push(problem["detail"].clone());
        let work = api.services.auth.hashing_work() - before;
        assert_eq!(work, 1, "{email}");
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    // And no more where it succeeds.
    let before = api.services.auth.hashing_work();
    let body = json!({"email": "creator@example.org", "password": PASSWORD});
    assert_eq!(
        api.anonymous().post("/v1/auth/login", body).await.status,
        200
    );
    assert_eq!(api.services.auth.hashing_work() - before, 1);
}

#[tokio::test]
async fn ids_that_are_guessed_are_as_good_as_none() {
    // Whose they are is asked by the table of roles; here, that nothing tells near from far.
    let api = Arc::new(TestApi::start().await);
    let made = api
        .creator()
        .post("/v1/articles", json!({"title": "Mine"}))
        .await;
    let real = made.json()["id"].as_str().unwrap().to_owned();
    let mut near = real.clone();
    let last = if near.pop() == Some('0') { '1' } else { '0' };
    near.push(last);
    let lower = real.replace("art_", "").to_lowercase();
    let other_kind = real.replace("art_", "usr_");
    for id in [
        &real,
        &near,
        &lower,
        &other_kind,
        &"..%2F..".to_owned(),
        &"%00".to_owned(),
    ] {
        for path in [
            "",
            "/html",
            "/revisions",
            "/revisions/1",
            "/provenance",
            "/translations",
        ] {
            let path = format!("/v1/articles/{id}{path}");
            let reply = api.stranger().get(&path).await;
            check::problem(&reply, 404, "not_found");
        }
    }
}

#[tokio::test]
async fn patterns_of_people_run_in_linear_time() {
    // Backtracking engines need longer than the sun has for it.
    let api = TestApi::start().await;
    let schema = json!({
        "type": "object",
        "properties": {"code": {"type": "string", "pattern": "^(a+)+$"}},
    });
    let kind = json!({"name": "puzzle", "title": "Puzzle", "schema": schema});
    let made = api.admin().post("/v1/content-types", kind).await;
    assert_eq!(made.status, 201, "{made:?}");
    let code = format!("{}!", "a".repeat(30_000));
    let article = json!({"title": "A", "content_type": "puzzle", "fields": {"code": code}});
    let reply = api.creator().post("/v1/articles", article).await;
    assert_eq!(reply.status, 400, "{reply:?}");
}
