//! `make lint`: formatting, tidy, clippy with warnings denied, licences. The quick checks come first.

use std::process::Command;

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;
use crate::{setup, tidy};

/// What cargo-deny checks without a network. Advisories need one and are looked at apart.
const DENY_CHECKS: &[&str] = &["licenses", "bans", "sources"];

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let mut workspaces: Vec<fn(&Workspace) -> Command> = vec![Workspace::cargo];
    if workspace.plugins_dir().join("Cargo.toml").is_file() {
        workspaces.push(Workspace::plugins_cargo);
    }
    if workspace.guests_dir().join("Cargo.toml").is_file() {
        workspaces.push(Workspace::guests_cargo);
    }

    note("formatting");
    for cargo in &workspaces {
        process::run(cargo(workspace).args(["fmt", "--all", "--check"]))?;
    }
    note("tidy");
    tidy::run(workspace)?;
    note("clippy");
    for cargo in &workspaces {
        process::run(cargo(workspace).args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))?;
    }
    match setup::deny::find(workspace) {
        Some(deny) => {
            note("licences and sources of what we depend on");
            let mut command = Command::new(deny);
            command.current_dir(&workspace.root);
            command.args(["--log-level", "error", "check", "--hide-inclusion-graph"]);
            process::run(command.args(DENY_CHECKS))
        }
        None => {
            note("NOT checked: licences; `cargo xtask setup --lint` installs cargo-deny for it");
            Ok(())
        }
    }
}
