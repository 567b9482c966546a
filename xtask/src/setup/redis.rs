//! The Redis that engines of the tests share, with the libraries it stands on.

use std::path::PathBuf;
use std::process::Command;

use super::debian;
use crate::process::{self, Failure};
use crate::workspace::Workspace;

const BINARY: &str = "redis-server";
/// The server itself is a link of the first to the second.
const PACKAGES: &[&str] = &[
    "redis-server",
    "redis-tools",
    "libatomic1",
    "libjemalloc2",
    "liblzf1",
];

/// Where it is; its name alone where it is installed.
pub(crate) fn binary(workspace: &Workspace) -> PathBuf {
    let unpacked = workspace.redis_dir().join("usr/bin").join(BINARY);
    match unpacked.exists() {
        true => unpacked,
        false => BINARY.into(),
    }
}

pub(crate) fn set_up(workspace: &Workspace) -> Result<(), Failure> {
    if runs(workspace) {
        return Ok(());
    }
    debian::unpack(PACKAGES, &workspace.redis_dir())?;
    if runs(workspace) {
        return Ok(());
    }
    Err(Failure(format!(
        "the tests share a real Redis between engines, and `{BINARY}` is missing here; put Redis 7 or newer onto the PATH under that name"
    )))
}

fn runs(workspace: &Workspace) -> bool {
    let mut command = Command::new(binary(workspace));
    let libraries = std::fs::read_dir(workspace.redis_dir().join("usr/lib"));
    let folders = libraries.into_iter().flatten().flatten();
    if let Ok(path) = std::env::join_paths(folders.map(|entry| entry.path())) {
        command.env("LD_LIBRARY_PATH", path);
    }
    process::succeeds(command.arg("--version"))
}
