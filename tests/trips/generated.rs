//! Clients made of the OpenAPI document, TypeScript and Python, against a real engine. The programs in
//! tests/node and tests/python say what is expected; their types are checked, too.

use std::path::Path;
use std::process::Command;

use crate::engine::{ADMIN_EMAIL, ADMIN_PASSWORD, Engine, Setup, root};
use crate::upstream::python_of;

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_python_client_works() {
    let engine = Setup::new().only("").start().await;
    let folder = tempfile::tempdir().unwrap();
    let document = document(&engine, folder.path());
    let python = python_of("INKSTONE_CLIENTS_VENV", "venv-clients");
    let generated = run(Command::new(python.with_file_name("openapi-python-client"))
        .args(["generate", "--path", &document, "--output-path", "python"])
        .current_dir(folder.path()));
    assert!(!generated.contains("Unable to process"), "{generated}");
    let said = run(with_engine(&mut Command::new(&python), &engine)
        .arg(root().join("tests/python/generated_client.py"))
        .env("PYTHONPATH", folder.path().join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    assert!(said.trim_end().ends_with("all steps passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_typescript_client_works() {
    let engine = Setup::new().only("").start().await;
    let folder = tempfile::tempdir().unwrap();
    let document = document(&engine, folder.path());
    let modules = root().join("tests/node/node_modules");
    let tool = |name: &str| Command::new(modules.join(".bin").join(name));
    run(tool("openapi-typescript")
        .args([document.as_str(), "--output", "schema.ts"])
        .current_dir(folder.path()));
    std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).unwrap();
    let program = root().join("tests/node/generated_client.mts");
    std::fs::copy(program, folder.path().join("generated_client.mts")).unwrap();
    run(tool("tsc")
        .args(["--strict", "--target", "es2022", "--module", "nodenext"])
        .args(["--skipLibCheck", "generated_client.mts"])
        .current_dir(folder.path()));
    let said = run(with_engine(&mut Command::new("node"), &engine)
        .arg("generated_client.mjs")
        .current_dir(folder.path()));
    assert!(said.trim_end().ends_with("all steps passed"), "{said}");
}

/// As `inkstone openapi` prints it, in a file.
fn document(engine: &Engine, folder: &Path) -> String {
    let printed = run(&mut engine.setup().command(&["openapi"]));
    let path = folder.join("openapi.json");
    std::fs::write(&path, printed).unwrap();
    path.display().to_string()
}

fn with_engine<'c>(command: &'c mut Command, engine: &Engine) -> &'c mut Command {
    command
        .env("INKSTONE_URL", &engine.url)
        .env("INKSTONE_EMAIL", ADMIN_EMAIL)
        .env("INKSTONE_PASSWORD", ADMIN_PASSWORD)
}

/// What it printed; it must end well.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
