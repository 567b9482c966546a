//! The client libraries that people use, unchanged, against a real engine with two upstreams: llama.cpp's
//! server, and a replay of OpenAI's API that calls tools and answers in JSON. The scripts in tests/python and
//! tests/node say what is expected.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use crate::engine::{Setup, root};
use crate::scripted::plugin_at;
use crate::upstream::{Llama, Replay, openai_2_python, python};

#[tokio::test(flavor = "multi_thread")]
async fn client_libraries_are_served() {
    let llama = Llama::start("chat");
    let replay = Replay::start();
    let plugins =
        plugin_at("provider-ollama", &llama.url) + &plugin_at("provider-openai", &replay.url);
    let engine = Setup::new().only(plugins).start().await;
    let key = engine.make_key(json!({})).await;
    let run = |program: &Path, script: &str| -> Output {
        Command::new(program)
            .arg(root().join(script))
            .env("INKSTONE_URL", &engine.url)
            .env("INKSTONE_TOKEN", key["token"].as_str().unwrap())
            .env("INKSTONE_MODEL", "ollama/smollm2-135m")
            .env("INKSTONE_EMBEDDING_MODEL", "openai/replay-embedding")
            .env("INKSTONE_TOOL_MODEL", "openai/replay-tools")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap()
    };
    let (newest, second) = (python(), openai_2_python());
    let scripts: [(PathBuf, &str); 6] = [
        (newest.clone(), "tests/python/openai_client.py"),
        (second.clone(), "tests/python/openai_client.py"),
        (newest, "tests/python/anthropic_client.py"),
        (second.clone(), "tests/python/litellm_client.py"),
        (second, "tests/python/instructor_client.py"),
        ("node".into(), "tests/node/openai_client.mjs"),
    ];
    let mut failures = String::new();
    for (program, script) in scripts {
        let output = run(&program, script);
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{} {script}\n{said}", program.display());
        if !output.status.success() || !said.trim_end().ends_with("all steps passed") {
            let complaint = String::from_utf8_lossy(&output.stderr);
            failures += &format!("{} {script}\n{said}{complaint}\n", program.display());
        }
    }
    assert!(failures.is_empty(), "{failures}\n{}", engine.log());
}
