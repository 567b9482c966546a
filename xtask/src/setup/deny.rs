//! cargo-deny, which reads the licences of everything we depend on. Compiling it takes minutes, so
//! `make lint` only uses it, and `cargo xtask setup --lint` installs it.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;

const PACKAGE: &str = "cargo-deny";

/// Ours, else the one on the path.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let name = format!("{PACKAGE}{}", std::env::consts::EXE_SUFFIX);
    let candidates = [workspace.tools_dir().join("bin").join(name), PACKAGE.into()];
    candidates
        .into_iter()
        .find(|program| process::succeeds(Command::new(program).arg("--version")))
}

pub(crate) fn set_up(workspace: &Workspace) -> Result<(), Failure> {
    if find(workspace).is_some() {
        return Ok(());
    }
    note("installing cargo-deny (cargo install; this takes some minutes, once)");
    let mut install = workspace.cargo();
    install
        .args(["install", "--locked", "--quiet", PACKAGE, "--root"])
        .arg(workspace.tools_dir())
        // Its own folder: none of it is shared with the engine.
        .env("CARGO_TARGET_DIR", workspace.target_dir.join("tools"));
    process::run(&mut install)
}
