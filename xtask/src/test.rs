//! `make test`: everything, plugins first. The runner's closing line is the last line.

use std::process::Command;

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;
use crate::{plugins, setup};

pub(crate) fn run(workspace: &Workspace, runner_args: &[String]) -> Result<(), Failure> {
    setup::base(workspace)?;
    setup::for_tests(workspace)?;
    plugins::all(workspace)?;
    if workspace.plugins_dir().join("Cargo.toml").is_file() {
        note("testing the plugins' logic, natively");
        process::run(
            workspace
                .plugins_cargo()
                .args(["test", "--quiet", "--workspace"]),
        )?;
    }
    note("testing the README's plugin, natively");
    process::run(workspace.guests_cargo().args([
        "test",
        "--quiet",
        "--package",
        "provider-shout",
    ]))?;
    // With the tests' own choice of features, so that nothing heavy is compiled twice.
    note("building the engine and its tests");
    let mut build = workspace.cargo();
    process::run(build.args(["build", "--workspace", "--bins", "--tests"]))?;
    note("testing the examples in the documentation");
    let mut examples = workspace.cargo();
    process::run(examples.args(["test", "--quiet", "--workspace", "--doc"]))?;

    note("testing the engine");
    let mut tests = workspace.cargo();
    if process::succeeds(workspace.cargo().args(["nextest", "--version"])) {
        tests.args(["nextest", "run", "--workspace"]);
    } else {
        tests.args(["test", "--workspace", "--lib", "--bins", "--tests"]);
    }
    process::run(in_surroundings(tests.args(runner_args), workspace))
}

/// With what the tests look for.
pub(crate) fn in_surroundings<'a>(
    tests: &'a mut Command,
    workspace: &Workspace,
) -> &'a mut Command {
    tests
        .env("INKSTONE_BIN", workspace.engine_binary("debug"))
        .env("INKSTONE_MODELS_DIR", workspace.models_dir())
        .env("INKSTONE_VENV", workspace.venv_dir())
        .env("INKSTONE_OPENAI_2_VENV", workspace.openai_2_venv_dir())
        .env(
            "INKSTONE_SCHEMATHESIS_VENV",
            workspace.schemathesis_venv_dir(),
        )
        .env("INKSTONE_CLIENTS_VENV", workspace.clients_venv_dir())
        .env("INKSTONE_TUS_VENV", workspace.tus_venv_dir())
        .env("INKSTONE_REGISTRY", setup::registry::binary(workspace))
        .env("INKSTONE_REDIS", setup::redis::binary(workspace))
}
