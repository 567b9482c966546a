//! Docker's registry, to which the tests push packages.

use std::path::PathBuf;
use std::process::Command;

use super::debian;
use crate::process::{self, Failure};
use crate::workspace::Workspace;

const PACKAGE: &str = "docker-registry";

/// Where it is; its name alone where it is installed.
pub(crate) fn binary(workspace: &Workspace) -> PathBuf {
    let unpacked = workspace.registry_dir().join("usr/bin").join(PACKAGE);
    if unpacked.exists() {
        unpacked
    } else {
        PACKAGE.into()
    }
}

pub(crate) fn set_up(workspace: &Workspace) -> Result<(), Failure> {
    if runs(workspace) {
        return Ok(());
    }
    debian::unpack(&[PACKAGE], &workspace.registry_dir())?;
    if runs(workspace) {
        return Ok(());
    }
    Err(Failure(format!(
        "the tests push packages to a real registry, and `{PACKAGE}` is missing here; put Docker's registry (distribution 2.8 or newer) onto the PATH under that name"
    )))
}

fn runs(workspace: &Workspace) -> bool {
    process::succeeds(Command::new(binary(workspace)).arg("--version"))
}
