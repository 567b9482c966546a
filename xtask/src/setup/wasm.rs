//! A compiler for wasm: from rustup, else from Debian's packages, else words that say what to do.

use std::process::Command;

use inkstone_packager::toolchain::{self, Found, TARGET};

use crate::process::{self, Failure, note};

/// Debian's compiler (kept new for Firefox), its library's source, and LLVM's linker.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "rust-web-src", "lld-19"];

pub(crate) fn set_up() -> Result<(), Failure> {
    let Found::Missing { has_rustup, debian } = toolchain::find() else {
        return Ok(());
    };
    if has_rustup {
        note(&format!("adding the target {TARGET} (rustup target add)"));
        let added = process::run(Command::new("rustup").args(["target", "add", TARGET]));
        if let Err(failure) = added {
            note(&format!("{failure}; trying the distribution's packages"));
        }
        if let Found::Ready(_) = toolchain::find() {
            return Ok(());
        }
    }
    let Some(prefix) = apt_prefix() else {
        return Err(Failure(format!(
            "plugins are compiled to {TARGET}, and this machine has no compiler for it. Either let `rustup target add {TARGET}` succeed, or have an administrator run `apt-get install --no-install-recommends {}` (missing: {})",
            DEBIAN_PACKAGES.join(" "),
            debian.join(", ")
        )));
    };
    note(&format!(
        "installing {} (apt-get)",
        DEBIAN_PACKAGES.join(", ")
    ));
    process::run(apt(prefix).args(["update", "--quiet"]))?;
    process::run(
        apt(prefix)
            .args(["install", "--yes", "--no-install-recommends", "--quiet"])
            .args(DEBIAN_PACKAGES),
    )?;
    toolchain::find().ready().map(|_| ()).map_err(Failure::from)
}

/// How apt-get may be called here: as it is by root, through sudo where that asks for no password.
pub(crate) fn apt_prefix() -> Option<&'static [&'static str]> {
    if !process::succeeds(Command::new("apt-get").arg("--version")) {
        return None;
    }
    let is_root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if is_root {
        return Some(&[]);
    }
    process::succeeds(Command::new("sudo").args(["--non-interactive", "true"]))
        .then_some(&["sudo", "--non-interactive"])
}

/// `apt-get`, that asks nothing.
pub(crate) fn apt(prefix: &[&str]) -> Command {
    match prefix.split_first() {
        None => {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive");
            command
        }
        Some((program, rest)) => {
            let mut command = Command::new(program);
            command
                .args(rest)
                .args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            command
        }
    }
}
