//! Runs cargo for wasm over a plugin's crate or a workspace of plugins, and tells which module came
//! from which crate.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::PackageError;
use crate::toolchain::{TARGET, Toolchain};

/// A plugin's crate and the module that cargo makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The folder that holds `plugin.toml`.
    pub folder: PathBuf,
    /// The core module, once it is built.
    pub wasm: PathBuf,
}

/// The crates of the workspace (or the one crate) at `folder` that have a `plugin.toml` beside
/// their `Cargo.toml`.
pub fn modules(folder: &Path, target_dir: &Path) -> Result<Vec<Module>, PackageError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(folder)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| PackageError::Start {
            program: "cargo".to_owned(),
            source,
        })?;
    if !output.status.success() {
        return Err(PackageError::Failed {
            what: format!("`cargo metadata` in {}", folder.display()),
        });
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| PackageError::rejected(folder, format!("cargo metadata: {error}")))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter_map(|package| {
            let crate_folder = Path::new(package["manifest_path"].as_str()?).parent()?;
            crate_folder
                .join("plugin.toml")
                .is_file()
                .then(|| module(package, crate_folder, target_dir))
        })
        .collect()
}

/// Builds everything at `folder`. Cargo's words go to the terminal.
pub fn build(toolchain: &Toolchain, folder: &Path, target_dir: &Path) -> Result<(), PackageError> {
    let status = toolchain
        .cargo_build(folder, target_dir)
        .stdin(Stdio::null())
        .status()
        .map_err(|source| PackageError::Start {
            program: "cargo".to_owned(),
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    Err(PackageError::Failed {
        what: format!("building {} for {TARGET}", folder.display()),
    })
}

fn module(package: &Value, folder: &Path, target_dir: &Path) -> Result<Module, PackageError> {
    let targets = package["targets"].as_array().into_iter().flatten();
    let library = targets
        .filter(|target| {
            let kinds = target["crate_types"].as_array().into_iter().flatten();
            kinds.into_iter().any(|kind| kind == "cdylib")
        })
        .find_map(|target| target["name"].as_str());
    let Some(library) = library else {
        return Err(PackageError::rejected(
            &folder.join("Cargo.toml"),
            "a plugin is a dynamic library; write `crate-type = [\"cdylib\", \"rlib\"]` into [lib]",
        ));
    };
    let wasm = target_dir
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", library.replace('-', "_")));
    Ok(Module {
        folder: folder.to_owned(),
        wasm,
    })
}
