//! Servers that the tests talk to, from Debian's packages: unpacked and not installed, since a package would
//! start its server as a service.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::wasm;
use crate::process::{self, Failure, note};

/// Fetches these packages and unpacks them into one folder.
pub(crate) fn unpack(packages: &[&str], dir: &Path) -> Result<(), Failure> {
    note(&format!(
        "unpacking {} for the tests into {} (apt-get download)",
        packages.join(", "),
        dir.display()
    ));
    fs::create_dir_all(dir).map_err(Failure::file(dir))?;
    let download = || {
        let mut command = Command::new("apt-get");
        command
            .args(["download", "--quiet"])
            .args(packages)
            .current_dir(dir);
        command
    };
    let is_there = process::succeeds(&mut download());
    if !is_there && let Some(prefix) = wasm::apt_prefix() {
        process::run(wasm::apt(prefix).args(["update", "--quiet"]))?;
        process::run(&mut download())?;
    }
    for entry in fs::read_dir(dir).map_err(Failure::file(dir))? {
        let file = entry.map_err(Failure::file(dir))?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            process::run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(dir))?;
            fs::remove_file(&file).map_err(Failure::file(&file))?;
        }
    }
    Ok(())
}
