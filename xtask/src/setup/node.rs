//! Node and the npm packages of `tests/node`: JavaScript libraries as real clients for the tests. The engine
//! itself never needs them.

use std::fs;
use std::process::Command;

use super::wasm;
use crate::process::{self, Failure, note};
use crate::workspace::Workspace;

/// Debian's packages, each with the program that shows whether it is needed.
const DEBIAN_PACKAGES: &[(&str, &str)] = &[("node", "nodejs"), ("npm", "npm")];
/// Beside the packages: the lock that they were installed from; written last.
const STAMP: &str = "inkstone-package-lock.json";

pub(crate) fn set_up(workspace: &Workspace) -> Result<(), Failure> {
    let dir = workspace.node_dir();
    let lock = dir.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).map_err(Failure::file(&lock))?;
    let stamp = dir.join("node_modules").join(STAMP);
    let is_installed = fs::read_to_string(&stamp).is_ok_and(|found| found == wanted);
    if is_installed && runs("node") {
        return Ok(());
    }
    install_node()?;
    note(&format!(
        "installing the npm packages of {} for the tests (npm ci)",
        dir.display()
    ));
    process::run(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .arg("--loglevel=error")
            .current_dir(&dir),
    )?;
    fs::write(&stamp, wanted).map_err(Failure::file(&stamp))
}

fn install_node() -> Result<(), Failure> {
    let missing: Vec<&str> = DEBIAN_PACKAGES
        .iter()
        .filter(|(program, _)| !runs(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let Some(prefix) = wasm::apt_prefix() else {
        return Err(Failure(format!(
            "the tests run JavaScript clients, and this machine lacks {}; install Node 20 or newer with npm",
            missing.join(" and ")
        )));
    };
    note(&format!("installing {} (apt-get)", missing.join(", ")));
    process::run(wasm::apt(prefix).args(["update", "--quiet"]))?;
    process::run(
        wasm::apt(prefix)
            .args(["install", "--yes", "--no-install-recommends", "--quiet"])
            .args(missing),
    )
}

fn runs(program: &str) -> bool {
    process::succeeds(Command::new(program).arg("--version"))
}
