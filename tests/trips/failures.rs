//! What people see when something is wrong: status, code, and a message that helps.

use std::time::Duration;

use chrono::Utc;
use expect_test::{Expect, expect};
use inkstone_domain::ids::UserId;
use inkstone_services::{AuthConfig, SigningKey};
use serde_json::{Value, json};

use crate::engine::{Engine, Setup, root};
use crate::upstream::free_port;

fn check(engine: &Engine, (status, body): &(u16, Value), expected: &Expect) {
    // OpenAI's envelope on the compatible routes, problem details elsewhere.
    let error = body.get("error").unwrap_or(body);
    let message = error.get("message").or_else(|| error.get("detail"));
    let message = message.and_then(Value::as_str).unwrap_or("-");
    let port = engine.url.rsplit(':').next().unwrap();
    let code = error["code"].as_str().unwrap_or("-");
    expected.assert_eq(&format!("{status} {code}: {message}").replace(port, "PORT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_has_its_status_code_and_message() {
    let closed = free_port();
    let mut setup = Setup::new();
    setup.plugins.push_str(&format!(
        r#"
[[plugin]]
id = "analytics-hostile"
source = {{ path = "{}" }}
"#,
        root()
            .join("tests/guests/dist/analytics-hostile.wasm")
            .display()
    ));
    setup.plugins = setup.plugins.replace(
        r#"grants = { outbound_hosts = ["https://api.openai.com:443"], credentials = ["openai"] }"#,
        &format!(
            r#"grants = {{ outbound_hosts = ["http://127.0.0.1:{closed}"] }}
settings = {{ base_url = "http://127.0.0.1:{closed}/v1", credential = "" }}"#
        ),
    );
    let engine = setup.start().await;
    let chat = |model: &str| json!({ "model": model, "messages": [{ "role": "user", "content": "Hello" }] });

    let unknown_model = engine
        .post("/v1/chat/completions", &chat("nobody/nothing"))
        .await;
    check(
        &engine,
        &unknown_model,
        &expect![
            "404 unknown_model: the model `nobody/nothing` names no provider that serves (these do: local, openai); GET /v1/models lists what there is"
        ],
    );

    let wrong_input = json!({ "input": { "topic": 5, "length": "endless" } });
    let wrong = engine
        .post("/v1/generate/generator-article/article", &wrong_input)
        .await;
    check(
        &engine,
        &wrong,
        &expect![[
            r#"400 schema_mismatch: the input of `generator-article/article` does not fit its schema: "endless" is not one of "short", "medium" or "long" (/length)"#
        ]],
    );
    let pointers: Vec<&str> = wrong.1["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert!(pointers.contains(&"/input/topic"), "{pointers:?}");
    assert!(pointers.contains(&"/input/length"), "{pointers:?}");

    let oversized = json!({ "title": "Big", "body": "x".repeat(9 << 20) });
    let oversized = engine.post("/v1/articles", &oversized).await;
    check(
        &engine,
        &oversized,
        &expect![
            "413 body_too_large: the body may have at most 8388608 bytes; send less, or raise the limit of the engine"
        ],
    );

    let expired = engine
        .http
        .get(format!("{}/v1/me", engine.url))
        .bearer_auth(expired_token(&engine));
    let expired = engine.send(expired).await;
    check(
        &engine,
        &expired,
        &expect![
            "401 token_expired: the access token has expired; get a new one with the refresh token"
        ],
    );

    let trap = engine
        .post(
            "/v1/analytics/analytics-hostile/harm",
            &json!({ "do": "trap" }),
        )
        .await;
    check(
        &engine,
        &trap,
        &expect![
            "500 plugin_trapped: plugin analytics-hostile 0.1.0: it crashed: wasm trap: wasm `unreachable` instruction executed"
        ],
    );

    let down = engine
        .post("/v1/chat/completions", &chat("openai/anything"))
        .await;
    let (status, body) = &down;
    let body = serde_json::from_str(&body.to_string().replace(&closed.to_string(), "CLOSED"));
    check(
        &engine,
        &(*status, body.unwrap()),
        &expect![
            "503 upstream_unreachable: http://127.0.0.1:CLOSED cannot be reached; see that the address is right and that it is up"
        ],
    );

    // After all of that the engine serves on.
    assert_eq!(engine.get("/readyz").await.0, 200);
}

/// Properly signed, and an hour old.
fn expired_token(engine: &Engine) -> String {
    let key = std::fs::read(engine.setup().data.path().join("signing.key")).unwrap();
    let key = SigningKey::from_bytes(&key).unwrap();
    let then = Utc::now() - Duration::from_secs(3600);
    AuthConfig::default()
        .operator_token(&key, UserId::new(), then)
        .unwrap()
}
