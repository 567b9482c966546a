//! `make bench`: the benchmarks, optimised, with the plugins that they call.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;
use crate::{plugins, setup};

pub(crate) fn run(workspace: &Workspace, bench_args: &[String]) -> Result<(), Failure> {
    setup::base(workspace)?;
    plugins::all(workspace)?;
    let mut build = workspace.cargo();
    process::run(build.args([
        "build",
        "--release",
        "--package",
        "inkstone",
        "--package",
        "bench",
    ]))?;
    // Beside the engine's own binary, where the benchmarks look for it.
    let mut command = Command::new(workspace.engine_binary("release").with_file_name("bench"));
    if let Some(extism) = extism(workspace) {
        command.env("INKSTONE_PEER_EXTISM", extism);
    }
    let peer = workspace.peers_target_dir().join("litellm");
    match setup::litellm_proxy(&peer) {
        Ok(program) => {
            command.env("INKSTONE_PEER_LITELLM", program);
        }
        Err(failure) => note(&format!("the peer LiteLLM is left out: {failure}")),
    }
    match setup::fastapi(&workspace.peers_target_dir().join("fastapi")) {
        Ok(python) => {
            command.env("INKSTONE_PEER_FASTAPI", python);
        }
        Err(failure) => note(&format!("the peer FastAPI is left out: {failure}")),
    }
    match setup::full_text(&workspace.peers_target_dir().join("fulltext")) {
        Ok(python) => {
            command.env("INKSTONE_PEER_FULL_TEXT", python);
        }
        Err(failure) => note(&format!(
            "the peers SQLite and PostgreSQL are left out: {failure}"
        )),
    }
    process::run(command.current_dir(&workspace.root).args(bench_args))
}

/// Builds the peer; without it the benchmarks run all the same. Extism needs a newer compiler than we
/// do, which Debian's package for wasm brings.
fn extism(workspace: &Workspace) -> Option<PathBuf> {
    const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
    let target = workspace.peers_target_dir();
    let folder = workspace.root.join("bench/peers/extism");
    let mut build = workspace.cargo_in(&folder, &target);
    build.args(["build", "--release"]);
    if Path::new(DEBIAN_RUSTC).exists() {
        build.env("RUSTC", DEBIAN_RUSTC);
    }
    match process::run(&mut build) {
        Ok(()) => Some(target.join("release/bench-peer-extism")),
        Err(failure) => {
            note(&format!("the peer Extism is left out: {failure}"));
            None
        }
    }
}
