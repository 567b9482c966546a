//! The encrypted store of credentials by the command line, and an engine that calls out with what lies
//! in it: the upstream sees the key, and nobody else does.

use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::engine::Setup;
use crate::upstream::serve;

const KEY: &str = "sk-trip/0123456789+abcdef";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(setup: &Setup, arguments: &[&str], input: &str) -> Output {
    let mut child = setup
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Refuses every call with a message that holds the key it was sent.
async fn echoing() -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let app = axum::Router::new()
        .fallback(|State(seen): State<Arc<Mutex<Vec<String>>>>, headers: HeaderMap| async move {
            let value = headers.get(header::AUTHORIZATION);
            let value = value.map_or(String::new(), |value| value.to_str().unwrap().to_owned());
            seen.lock().unwrap().push(value.clone());
            let error = json!({ "error": { "message": format!("no such key: {value}"), "code": "bad" } });
            (StatusCode::BAD_REQUEST, Json(error))
        })
        .with_state(Arc::clone(&seen));
    (serve(app).await, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_key_reaches_the_upstream_and_nobody_else() {
    let (upstream, seen) = echoing().await;
    let mut setup = Setup::new()
        .set("INKSTONE__CREDENTIALS__OPENAI__SECRET__STORED", "true")
        .set(
            "INKSTONE__CREDENTIALS__OPENAI__HOSTS",
            format!(r#"["POST {upstream}"]"#),
        );
    setup.plugins = setup.plugins.replace(
        r#"grants = { outbound_hosts = ["https://api.openai.com:443"], credentials = ["openai"] }"#,
        &format!(
            r#"grants = {{ outbound_hosts = ["{upstream}"], credentials = ["openai"] }}
settings = {{ base_url = "{upstream}/v1", credential = "openai" }}"#
        ),
    );

    let without = run(&setup, &["config", "check"], "");
    assert_eq!(without.status.code(), Some(2));
    assert!(
        text(&without.stderr).contains("`inkstone credential set openai`"),
        "{}",
        text(&without.stderr)
    );
    for (input, code) in [("short\n", 2), (&format!("{KEY}\n"), 0)] {
        let set = run(&setup, &["credential", "set", "openai"], input);
        assert_eq!(set.status.code(), Some(code), "{}", text(&set.stderr));
    }
    let list = run(&setup, &["credential", "list", "--output", "json"], "");
    let listed: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(listed["credentials"][0]["name"], "openai");
    assert_eq!(listed["credentials"][0]["source"], "stored");
    assert_eq!(listed["credentials"][0]["ready"], true);
    let sealed = std::fs::read_to_string(setup.data.path().join("credentials.json")).unwrap();
    for shown in [&text(&list.stdout), &sealed] {
        assert!(!shown.contains("0123456789"), "{shown}");
    }

    let engine = setup.start().await;
    let body = json!({ "model": "openai/x", "messages": [{ "role": "user", "content": "Hello" }] });
    let (status, reply) = engine.post("/v1/chat/completions", &body).await;
    assert!(status >= 400, "{reply}");
    let sent = seen.lock().unwrap().clone();
    assert_eq!(sent.first(), Some(&format!("Bearer {KEY}")), "{reply}");
    assert!(!reply.to_string().contains("0123456789"), "{reply}");
    assert!(!engine.log().contains("0123456789"), "{}", engine.log());
    let metrics = engine.request("GET", "/metrics").send().await.unwrap();
    assert!(!metrics.text().await.unwrap().contains("0123456789"));

    let (setup, _) = engine.stop();
    for (name, code) in [("openai", 0), ("openai", 1)] {
        let removed = run(&setup, &["credential", "remove", name], "");
        assert_eq!(
            removed.status.code(),
            Some(code),
            "{}",
            text(&removed.stderr)
        );
    }
}
