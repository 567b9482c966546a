//! Every route with made-up requests, good and bad: schemathesis, with all its checks, over the OpenAPI document
//! of a real engine, as an admin, as a creator and as nobody. No reply may be a fault of the engine or other than
//! the document says. `cargo xtask schemathesis` does it at length.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::engine::{Engine, Setup, root};
use crate::upstream::python_of;

/// Made-up requests for each route, beside those of its bounds; and the seed of what is made up.
const EXAMPLES: &str = "2";
const SEED: &str = "5";
/// The routes that end the very session with which the others are asked have a run of their own.
const ENDING: [&str; 2] = ["end_session", "end_other_sessions"];

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_as_admin() {
    let engine = start().await;
    let token = engine.token.clone();
    let run = Run::new(&engine, &token, "admin");
    run.send("examples.toml", &["--phases", "examples"]);
    run.send("rules.toml", &["--phases", "examples,coverage,fuzzing"]);
    run.end(&ENDING[..1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_as_creator() {
    let engine = start().await;
    let (email, password) = ("creator@example.org", "seven tides pull the moon");
    let user = json!({ "email": email, "password": password, "role": "creator" });
    let (status, reply) = engine.post("/v1/users", &user).await;
    assert_eq!(status, 201, "{reply}");
    let body = json!({ "email": email, "password": password });
    let (status, pair) = engine.post("/v1/auth/login", &body).await;
    assert_eq!(status, 200, "{pair}");
    let token = pair["access_token"].as_str().unwrap().to_owned();
    let run = Run::new(&engine, &token, "creator");
    run.send("rules.toml", &["--phases", "fuzzing"]);
    run.end(&ENDING);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_as_nobody() {
    let engine = start().await;
    let run = Run::new(&engine, "", "nobody");
    run.send("rules.toml", &["--phases", "examples,fuzzing"]);
}

async fn start() -> Engine {
    // One sign-in lasts for the whole run, and nothing is called outside.
    let setup = Setup::new().set("INKSTONE__AUTH__ACCESS_TOKEN_MINUTES", "600");
    setup.only("").start().await
}

struct Run<'e> {
    engine: &'e Engine,
    token: &'e str,
    who: &'e str,
}

impl<'e> Run<'e> {
    fn new(engine: &'e Engine, token: &'e str, who: &'e str) -> Self {
        Self { engine, token, who }
    }

    fn send(&self, config: &str, arguments: &[&str]) {
        let mut all = arguments.to_vec();
        for name in ENDING {
            all.extend(["--exclude-operation-id", name]);
        }
        self.run(config, &all);
    }

    /// What ends the session.
    fn end(&self, operations: &[&str]) {
        let mut all = vec!["--phases", "fuzzing"];
        for name in operations {
            all.extend(["--include-operation-id", name]);
        }
        self.run("rules.toml", &all);
    }

    fn run(&self, config: &str, arguments: &[&str]) {
        let setting = |name: &str, usual: &str| std::env::var(name).unwrap_or(usual.to_owned());
        let examples = setting("INKSTONE_SCHEMATHESIS_EXAMPLES", EXAMPLES);
        let seed = setting("INKSTONE_SCHEMATHESIS_SEED", SEED);
        // What it writes down while it runs is left where nobody looks, and hooks are found beside that.
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(root().join("tests/schemathesis")).unwrap() {
            let file = entry.unwrap();
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let output = Command::new(program())
            .arg("--config-file")
            .arg(config)
            .args(["run", &format!("{}/openapi.json", self.engine.url)])
            .args(["--url", &self.engine.url, "--checks", "all"])
            .args(["--seed", &seed, "--max-examples", &examples])
            .args(["--generation-database", "none", "--continue-on-failure"])
            .args(["--suppress-health-check", "all", "--warnings", "off"])
            .args(arguments)
            .current_dir(folder.path())
            .env("INKSTONE_TOKEN", self.token)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "as {}: {said}\n{}",
            self.who,
            String::from_utf8_lossy(&output.stderr)
        );
        let cases = said.lines().find(|line| line.contains(" generated"));
        eprintln!(
            "{}, seed {seed}: {}",
            self.who,
            cases.unwrap_or("none").trim()
        );
    }
}

fn program() -> PathBuf {
    let python = python_of("INKSTONE_SCHEMATHESIS_VENV", "venv-schemathesis");
    python.with_file_name("st")
}
