//! Which way wasm is compiled on this machine: with the target that rustup (or a distribution)
//! installed, or with Debian's compiler, which carries its standard library as source. Nothing is
//! installed here; what is missing is only told.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of every plugin.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Where Debian's packages `rustc` and `rustc-web` put their compiler.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// The versions of LLVM's linker that distributions have carried.
const LLD_VERSIONS: std::ops::RangeInclusive<u32> = 14..=30;

/// A way to compile wasm that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The default compiler has the target's standard library.
    Installed,
    /// The default compiler lacks it; this one builds it from source.
    BuildStd { rustc: PathBuf, linker: PathBuf },
}

/// What this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Ready(Toolchain),
    /// What each of the two ways lacks.
    Missing {
        /// Whether there is a rustup to ask for the target.
        has_rustup: bool,
        /// What the way over Debian's packages lacks, in words.
        debian: Vec<String>,
    },
}

impl Found {
    /// The toolchain, or words that say what would help.
    pub fn ready(self) -> Result<Toolchain, crate::PackageError> {
        match self {
            Self::Ready(toolchain) => Ok(toolchain),
            Self::Missing { debian, .. } => Err(crate::PackageError::NoToolchain(format!(
                "run `rustup target add {TARGET}`, or on Debian `apt-get install rustc-web rust-web-src lld-19` (missing for that: {})",
                debian.join(", ")
            ))),
        }
    }
}

/// Looks for a complete way, the ordinary one first.
pub fn find() -> Found {
    let default_rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    if sysroot(&default_rustc).is_some_and(|root| has_target(&root)) {
        return Found::Ready(Toolchain::Installed);
    }
    let debian_rustc = Path::new(DEBIAN_RUSTC);
    let debian_sysroot = sysroot(debian_rustc.as_os_str());
    let linker = find_linker(std::env::var_os("PATH").as_deref());
    let mut missing = Vec::new();
    match &debian_sysroot {
        None => missing.push(format!("a compiler at {DEBIAN_RUSTC} (package rustc-web)")),
        Some(root) if !has_library_source(root) => {
            missing.push("the standard library's source (package rust-web-src)".to_owned());
        }
        Some(_) => {}
    }
    match linker {
        Some(linker) if missing.is_empty() => Found::Ready(Toolchain::BuildStd {
            rustc: debian_rustc.to_owned(),
            linker,
        }),
        linker => {
            if linker.is_none() {
                missing.push("the linker wasm-ld (package lld-19)".to_owned());
            }
            Found::Missing {
                has_rustup: runs(Command::new("rustup").arg("--version")),
                debian: missing,
            }
        }
    }
}

impl Toolchain {
    /// `cargo build --release --target wasm32-unknown-unknown` in `folder`, with a target folder of
    /// its own, so that it never competes with the engine's.
    pub fn cargo_build(&self, folder: &Path, target_dir: &Path) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(folder)
            .args(["build", "--release", "--target", TARGET, "--target-dir"])
            .arg(target_dir)
            // The SDK serves `getrandom` from the host's generator; this flag lets it. Without the
            // crate in the plugin it does nothing.
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                "--cfg getrandom_backend=\"custom\"",
            )
            // Flags meant for the engine's own build must not reach wasm.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        if let Self::BuildStd { rustc, linker } = self {
            command
                .args(["-Z", "build-std=std,panic_abort"])
                .env("RUSTC", rustc)
                // `-Z` on a stable cargo and compiler; nothing else of what it unlocks is used.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }

    /// In words, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Installed => format!("the default compiler with the target {TARGET}"),
            Self::BuildStd { rustc, linker } => format!(
                "{} with its library's source and {}",
                rustc.display(),
                linker.display()
            ),
        }
    }
}

fn sysroot(rustc: &OsStr) -> Option<PathBuf> {
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(text.trim()))
}

fn has_target(sysroot: &Path) -> bool {
    let folder = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn has_library_source(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/std/Cargo.toml")
        .exists()
}

/// `wasm-ld` under its plain name, or the newest with a version behind it.
fn find_linker(path: Option<&OsStr>) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(path?).collect();
    let versioned = LLD_VERSIONS
        .rev()
        .map(|version| format!("wasm-ld-{version}"));
    std::iter::once("wasm-ld".to_owned())
        .chain(versioned)
        .flat_map(|name| folders.iter().map(move |folder| folder.join(&name)))
        .find(|candidate| candidate.is_file())
}

fn runs(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_linker_wins_then_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().as_os_str();
        assert_eq!(find_linker(Some(path)), None);
        for name in ["wasm-ld-14", "wasm-ld-19"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(
            find_linker(Some(path)),
            Some(folder.path().join("wasm-ld-19"))
        );
        std::fs::write(folder.path().join("wasm-ld"), "").unwrap();
        assert_eq!(find_linker(Some(path)), Some(folder.path().join("wasm-ld")));
    }

    #[test]
    fn a_missing_toolchain_says_what_would_help() {
        let found = Found::Missing {
            has_rustup: false,
            debian: vec!["the linker wasm-ld (package lld-19)".to_owned()],
        };
        let message = found.ready().unwrap_err().to_string();
        assert!(
            message.contains("rustup target add wasm32-unknown-unknown"),
            "{message}"
        );
        assert!(
            message.contains("rustc-web rust-web-src lld-19"),
            "{message}"
        );
    }

    #[test]
    fn building_std_names_compiler_and_linker() {
        let toolchain = Toolchain::BuildStd {
            rustc: "/usr/bin/rustc".into(),
            linker: "/usr/bin/wasm-ld-19".into(),
        };
        let command = toolchain.cargo_build(Path::new("in"), Path::new("out"));
        let args: Vec<_> = command.get_args().collect();
        assert!(
            args.contains(&OsStr::new("build-std=std,panic_abort")),
            "{args:?}"
        );
        assert!(command.get_envs().any(|(key, value)| {
            key == "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER"
                && value == Some(OsStr::new("/usr/bin/wasm-ld-19"))
        }));
    }
}
