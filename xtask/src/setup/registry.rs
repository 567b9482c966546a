//! Docker's registry, to which the tests push packages. Unpacked and not installed: Debian's package
//! would start it as a service.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::wasm;
use crate::process::{self, Failure, note};
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
    let dir = workspace.registry_dir();
    note(&format!(
        "unpacking {PACKAGE} for the tests into {} (apt-get download)",
        dir.display()
    ));
    fs::create_dir_all(&dir).map_err(Failure::file(&dir))?;
    let download = || {
        let mut command = Command::new("apt-get");
        command
            .args(["download", "--quiet", PACKAGE])
            .current_dir(&dir);
        command
    };
    let is_there = process::succeeds(&mut download());
    if !is_there && let Some(prefix) = wasm::apt_prefix() {
        process::run(wasm::apt(prefix).args(["update", "--quiet"]))?;
        process::run(&mut download())?;
    }
    for entry in fs::read_dir(&dir).map_err(Failure::file(&dir))? {
        let file = entry.map_err(Failure::file(&dir))?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            process::run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&dir))?;
            fs::remove_file(&file).map_err(Failure::file(&file))?;
        }
    }
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
