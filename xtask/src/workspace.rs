//! Where things are: the checkout, the target folder, the user's cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Failure;

/// The checkout that this command works on.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// `CARGO_TARGET_DIR`, or `target` in the checkout.
    pub(crate) target_dir: PathBuf,
    /// The product's folder below the user's cache folder.
    pub(crate) cache_dir: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self, Failure> {
        // Cargo sets the variable when it runs us; two checkouts may share one binary.
        let own_folder = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own_folder
            .parent()
            .filter(|root| root.join("engine").is_dir())
            .ok_or_else(|| Failure("call it as `cargo xtask` inside the checkout".to_owned()))?
            .to_owned();
        let target_dir = match std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
            Some(dir) => std::path::absolute(&dir).map_err(Failure::file(Path::new(&dir)))?,
            None => root.join("target"),
        };
        Ok(Self {
            root,
            target_dir,
            cache_dir: inkstone_config::paths::cache_dir(),
        })
    }

    /// Cargo on the main workspace.
    pub(crate) fn cargo(&self) -> Command {
        self.cargo_in(&self.root, &self.target_dir)
    }

    /// Cargo on the bundled plugins, for this machine and not for wasm.
    pub(crate) fn plugins_cargo(&self) -> Command {
        self.cargo_in(&self.plugins_dir(), &self.plugins_target_dir())
    }

    /// Cargo on the guests of the tests, for this machine.
    pub(crate) fn guests_cargo(&self) -> Command {
        self.cargo_in(&self.guests_dir(), &self.plugins_target_dir())
    }

    pub(crate) fn plugins_dir(&self) -> PathBuf {
        self.root.join("plugins")
    }

    pub(crate) fn guests_dir(&self) -> PathBuf {
        self.root.join("tests/guests")
    }

    /// Plugins have a target folder of their own: another target, profile and lock than the engine's.
    pub(crate) fn plugins_target_dir(&self) -> PathBuf {
        self.target_dir.join("plugins")
    }

    /// The peers of the benchmarks stand on crates of their own.
    pub(crate) fn peers_target_dir(&self) -> PathBuf {
        self.target_dir.join("peers")
    }

    pub(crate) fn models_dir(&self) -> PathBuf {
        self.cache_dir.join("models")
    }

    pub(crate) fn venv_dir(&self) -> PathBuf {
        self.cache_dir.join("venv")
    }

    /// The clients that stand on version 2 of the `openai` package.
    pub(crate) fn openai_2_venv_dir(&self) -> PathBuf {
        self.cache_dir.join("venv-openai-2")
    }

    /// The program that tries the OpenAPI document against an engine.
    pub(crate) fn schemathesis_venv_dir(&self) -> PathBuf {
        self.cache_dir.join("venv-schemathesis")
    }

    /// The program that makes Python clients of the OpenAPI document.
    pub(crate) fn clients_venv_dir(&self) -> PathBuf {
        self.cache_dir.join("venv-clients")
    }

    /// The client of uploads in pieces.
    pub(crate) fn tus_venv_dir(&self) -> PathBuf {
        self.cache_dir.join("venv-tus")
    }

    /// The JavaScript clients of the tests.
    pub(crate) fn node_dir(&self) -> PathBuf {
        self.root.join("tests/node")
    }

    /// Where the tests' registry of packages is unpacked.
    pub(crate) fn registry_dir(&self) -> PathBuf {
        self.cache_dir.join("registry")
    }

    /// Where the tests' Redis is unpacked.
    pub(crate) fn redis_dir(&self) -> PathBuf {
        self.cache_dir.join("redis")
    }

    /// Where `cargo install` puts the tools of the checks.
    pub(crate) fn tools_dir(&self) -> PathBuf {
        self.cache_dir.join("tools")
    }

    /// The engine's binary in a profile's folder, such as `debug`.
    pub(crate) fn engine_binary(&self, profile: &str) -> PathBuf {
        let name = format!("inkstone{}", std::env::consts::EXE_SUFFIX);
        self.target_dir.join(profile).join(name)
    }

    /// Cargo on the workspace in `folder`.
    pub(crate) fn cargo_in(&self, folder: &Path, target_dir: &Path) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", target_dir);
        // What cargo set for this very command would make build scripts that look at it (ring's) run
        // again, and with them everything that stands on TLS, whenever cargo is called by hand in between.
        for (name, _) in std::env::vars_os() {
            let is_of_this_run = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            });
            if is_of_this_run {
                command.env_remove(name);
            }
        }
        command
    }
}
