//! The official `openai` package, unchanged, against the local model and against llama.cpp through provider-openai.

use std::process::Command;

use serde_json::Value;

use crate::engine::{Engine, Setup, root};
use crate::upstream::{Llama, python};

fn run_client(engine: &Engine, arguments: &[&str]) -> Value {
    let output = Command::new(python())
        .arg(root().join("tests/python/openai_client.py"))
        .arg(format!("{}/v1", engine.url))
        .arg(&engine.token)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        engine.log()
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_client_is_served(seen: &Value) {
    let plain = &seen["plain"];
    assert!(!plain["text"].as_str().unwrap().is_empty(), "{seen}");
    assert!(plain["prompt_tokens"].as_u64().unwrap() > 5, "{seen}");
    assert!(plain["completion_tokens"].as_u64().unwrap() > 0, "{seen}");
    let stream = &seen["stream"];
    assert!(stream["chunks"].as_u64().unwrap() > 10, "{seen}");
    // The first token is with the client before the last one is made.
    assert!(stream["spread_ms"].as_u64().unwrap() > 20, "{seen}");
    assert_eq!(stream["finish"], "length", "{seen}");
    assert_eq!(stream["completion_tokens"], 48, "{seen}");
    assert_eq!(seen["unknown_model"]["status"], 404);
    assert_eq!(seen["unknown_model"]["code"], "unknown_model");
}

fn assert_has_model(seen: &Value, name: &str) {
    let models = seen["models"].as_array().unwrap();
    assert!(models.iter().any(|model| model == name), "{seen}");
}

fn assert_embeds(seen: &Value) {
    let embeddings = &seen["embeddings"];
    assert_eq!(embeddings["count"], 3);
    assert!(embeddings["prompt_tokens"].as_u64().unwrap() > 10, "{seen}");
    let alike = embeddings["alike"].as_f64().unwrap();
    let unlike = embeddings["unlike"].as_f64().unwrap();
    assert!(alike > unlike, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_model() {
    let engine = Setup::new().start().await;
    let seen = run_client(
        &engine,
        &["local/smollm2-135m-instruct", "local/all-minilm-l6-v2"],
    );
    assert_client_is_served(&seen);
    assert_embeds(&seen);
    assert_eq!(seen["embeddings"]["dimensions"], 384);
    assert_has_model(&seen, "local/smollm2-135m-instruct");
    assert_has_model(&seen, "local/all-minilm-l6-v2");
}

#[tokio::test(flavor = "multi_thread")]
async fn llama_cpp_through_provider_openai() {
    let llama = Llama::start("chat");
    let engine = on(&llama).start().await;
    let seen = run_client(&engine, &["openai/smollm2-135m"]);
    assert_client_is_served(&seen);
    assert_has_model(&seen, "openai/smollm2-135m");
}

#[tokio::test(flavor = "multi_thread")]
async fn llama_cpp_embeds_through_provider_openai() {
    let llama = Llama::start("embeddings");
    let engine = on(&llama).start().await;
    let seen = run_client(&engine, &["-", "openai/smollm2-135m"]);
    assert_embeds(&seen);
    assert_eq!(seen["embeddings"]["dimensions"], 576);
}

/// An engine whose only provider is this server.
fn on(llama: &Llama) -> Setup {
    let mut setup = Setup::new();
    setup.plugins = format!(
        r#"
[[plugin]]
id = "provider-openai"
source = {{ path = "provider-openai.wasm" }}
grants = {{ outbound_hosts = ["{0}"] }}
settings = {{ base_url = "{0}/v1", credential = "" }}
"#,
        llama.url
    );
    setup
}
