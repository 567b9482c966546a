//! Builds the bundled plugins into `plugins/dist/<id>.wasm` and the guests of the tests into
//! `tests/guests/dist/<id>.wasm`, only where something changed.

use std::path::Path;

use inkstone_packager::toolchain::Toolchain;
use inkstone_packager::{package_workspace, toolchain};

use crate::process::{Failure, note};
use crate::workspace::Workspace;

/// Bundled plugins and guests.
pub(crate) fn all(workspace: &Workspace) -> Result<(), Failure> {
    let toolchain = toolchain::find().ready()?;
    build(workspace, &toolchain, &workspace.plugins_dir())?;
    build(workspace, &toolchain, &workspace.guests_dir())
}

/// Only what the engine needs to run.
pub(crate) fn bundled(workspace: &Workspace) -> Result<(), Failure> {
    let toolchain = toolchain::find().ready()?;
    build(workspace, &toolchain, &workspace.plugins_dir())
}

fn build(workspace: &Workspace, toolchain: &Toolchain, folder: &Path) -> Result<(), Failure> {
    if !folder.join("Cargo.toml").is_file() {
        return Ok(());
    }
    let target_dir = workspace.plugins_target_dir();
    let out_dir = folder.join("dist");
    if !target_dir.is_dir() {
        note(&format!(
            "building plugins for the first time, with {}",
            toolchain.describe()
        ));
    }
    for packaged in package_workspace(toolchain, folder, &target_dir, &out_dir)? {
        if packaged.changed {
            note(&format!(
                "{} {} → {} ({} KiB)",
                packaged.manifest.id,
                packaged.manifest.version,
                packaged.path.display(),
                packaged.size_bytes.div_ceil(1024)
            ));
        }
    }
    Ok(())
}
