//! The command line: against a running engine, with an embedded one, and where no engine is needed.

use std::process::Output;

use serde_json::{Value, json};

use crate::engine::{Setup, root};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(setup: &Setup, arguments: &[&str]) -> Output {
    setup.command(arguments).output().unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn talks_to_the_running_engine() {
    let engine = Setup::new().start().await;
    let body = json!({ "title": "Otters hold hands", "body": "So that they do not drift apart." });
    assert_eq!(engine.post("/v1/articles", &body).await.0, 201);
    engine.get("/v1/search?q=otters&wait=true").await;

    let found = json_of(&run(
        engine.setup(),
        &["search", "otters", "--output", "json"],
    ));
    assert_eq!(found["data"][0]["title"], "Otters hold hands");

    let plugins = json_of(&run(
        engine.setup(),
        &["plugin", "list", "--output", "json"],
    ));
    let states: Vec<&str> = plugins["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| plugin["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["serving"; 5], "{plugins}\n{}", engine.log());

    let chat = run(engine.setup(), &["chat", "Hello", "--max-tokens", "8"]);
    assert!(chat.status.success(), "{}", text(&chat.stderr));
    assert!(!text(&chat.stdout).trim().is_empty());

    let unknown = run(engine.setup(), &["chat", "Hello", "--model", "nobody/x"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        text(&unknown.stderr).contains("unknown_model"),
        "{}",
        text(&unknown.stderr)
    );
}

#[test]
fn starts_an_embedded_engine_when_none_runs() {
    let mut setup = Setup::new();
    setup.plugins = String::new();
    let found = run(&setup, &["search", "anything", "--output", "json"]);
    assert_eq!(json_of(&found)["total"], 0);
    assert!(
        text(&found.stderr).contains("starting one"),
        "{}",
        text(&found.stderr)
    );
}

#[test]
fn needs_no_engine_for_the_rest() {
    let setup = Setup::new();
    let checked = json_of(&run(&setup, &["config", "check", "--output", "json"]));
    assert_eq!(checked["valid"], true);
    assert_eq!(checked["plugins"], 5);

    let described = json_of(&run(&setup, &["openapi"]));
    assert!(described["paths"]["/v1/articles/{id}"]["get"].is_object());

    let component = root().join("plugins/dist/generator-article.wasm");
    let component = component.display().to_string();
    let inspected = json_of(&run(
        &setup,
        &["plugin", "inspect", &component, "--output", "json"],
    ));
    assert_eq!(inspected["manifest"]["id"], "generator-article");
    assert_eq!(inspected["api"], "0.2.0");
    assert_eq!(inspected["granted"]["ai"], true);
    assert_eq!(inspected["granted"]["inference"], false);
    let imports = inspected["imports"].as_array().unwrap();
    assert!(
        imports
            .iter()
            .all(|name| name.as_str().unwrap().starts_with("inkstone:plugin/")),
        "{imports:?}"
    );

    let script = run(&setup, &["completions", "bash"]);
    assert!(text(&script.stdout).contains("_inkstone"));

    let findings = json_of(&run(&setup, &["doctor", "--output", "json"]));
    let names: Vec<&str> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["check"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["config", "plugins", "toolchain", "model", "port", "disk"]
    );
}

#[test]
fn a_bad_configuration_names_line_key_and_mend() {
    let setup = Setup::new();
    let bad = setup.data.path().join("bad.toml");
    std::fs::write(
        &bad,
        "[server]\nlisten = \"127.0.0.1:0\"\nmax_body_byte = 5\n",
    )
    .unwrap();
    let bad = bad.display().to_string();
    let refused = run(&setup, &["--config", &bad, "config", "check"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = text(&refused.stderr);
    assert!(message.contains("bad.toml:3"), "{message}");
    assert!(message.contains("max_body_bytes"), "{message}");
}
