//! Every `sh` block of README.md and docs/ is run as it stands, page by page, against a real engine.
//! (`make run`, `make test` and `make lint` are run by CI itself.)

use std::process::Command;

use crate::engine::{ADMIN_PASSWORD, Engine, Setup, binary, root};

fn script_of(page: &str) -> String {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut script = String::new();
    let mut inside = false;
    for line in text.lines() {
        match line.trim_end() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    assert!(!script.is_empty(), "{page} shows no command");
    script
}

fn run(page: &str, engine: &Engine) {
    let port = engine.url.rsplit(':').next().unwrap();
    let script = script_of(page).replace("127.0.0.1:7700", &format!("127.0.0.1:{port}"));
    let folder = tempfile::tempdir().unwrap();
    // Commands are shown as for somebody in the project's folder.
    for name in ["config", "plugins", "plugin-sdk", "wit"] {
        std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).unwrap();
    }
    let path = format!(
        "{}:{}",
        binary().parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    // The set-up's command carries the surroundings in which this very engine is found.
    let surroundings = engine.setup().command(&[]);
    let mut shell = Command::new("bash");
    for (name, value) in surroundings.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let output = shell
        .args(["-euo", "pipefail", "-c", &script])
        .env("PATH", path)
        .env("INKSTONE_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .env_remove("INKSTONE__SERVER__LISTEN")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{page}: {}\n{}\n--- script\n{script}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_shown_works() {
    let engine = Setup::new().start().await;
    for page in [
        "README.md",
        "docs/http-api.md",
        "docs/gateway.md",
        "docs/keys-and-usage.md",
        "docs/projects.md",
        "docs/articles.md",
        "docs/lists.md",
        "docs/comments.md",
        "docs/media.md",
        "docs/transfer.md",
        "docs/audit.md",
        "docs/events.md",
        "docs/generation.md",
        // Of what the page before made.
        "docs/jobs.md",
        "docs/schedules.md",
        "docs/plugins.md",
        "docs/packages.md",
        "docs/search.md",
        "docs/local-model.md",
        "docs/operation.md",
        "docs/configuration.md",
        "docs/egress.md",
        "docs/rollout.md",
        "docs/recordings.md",
    ] {
        run(page, &engine);
    }
}

/// A page with commands that nobody lists above would be shown and never run.
#[test]
fn every_page_is_run() {
    let source = std::fs::read_to_string(root().join("tests/trips/docs.rs")).unwrap();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let page = path.strip_prefix(root()).unwrap().display().to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                !text.contains("```sh\n") || source.contains(&format!("\"{page}\"")),
                "{page} is not run"
            );
        }
    }
}

#[test]
fn the_example_of_the_readme_is_the_one_that_is_built() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let example = root().join("tests/guests/provider-shout/src/lib.rs");
    let example = std::fs::read_to_string(example).unwrap();
    assert!(readme.contains(&format!("```rust\n{example}```")));
    assert!(example.lines().count() <= 40);
}
