//! `inkstone plugin build`, `pack` and `sign`: what an author does on the way to a package.

use std::path::{Path, PathBuf};

use inkstone_package::SigningKey;
use inkstone_packager::{PackageError, Packed, pack_file, pack_workspace, package_workspace};
use serde_json::json;

use crate::cli::{Common, Failure, output};

/// Builds the plugins in a folder into bare components, or into packages.
pub(super) fn build(
    common: &Common,
    folder: &Path,
    into: &Path,
    as_package: bool,
) -> Result<(), Failure> {
    if as_package {
        return pack(common, folder, None, into);
    }
    let (folder, target) = folders(folder)?;
    let toolchain = inkstone_packager::toolchain::find()
        .ready()
        .map_err(failed)?;
    let built = package_workspace(&toolchain, &folder, &target, into).map_err(failed)?;
    let paths: Vec<&Path> = built.iter().map(|one| one.path.as_path()).collect();
    if common.is_json() {
        return output::print_line(&output::pretty_json(&json!({ "data": paths }))?);
    }
    for path in paths {
        output::print_line(&path.display().to_string())?;
    }
    Ok(())
}

/// Packs a component, or whatever plugins a folder builds.
pub(super) fn pack(
    common: &Common,
    path: &Path,
    source: Option<PathBuf>,
    into: &Path,
) -> Result<(), Failure> {
    if path.is_file() {
        let beside = path.parent().map(Path::to_owned).unwrap_or_default();
        let packed = pack_file(path, &source.unwrap_or(beside), into).map_err(failed)?;
        return print(common, &[packed]);
    }
    if source.is_some() {
        return Err(Failure::Usage(
            "--source goes with a component; a folder brings its own texts".to_owned(),
        ));
    }
    let (folder, target) = folders(path)?;
    let toolchain = inkstone_packager::toolchain::find()
        .ready()
        .map_err(failed)?;
    let packed = pack_workspace(&toolchain, &folder, &target, into).map_err(failed)?;
    print(common, &packed)
}

/// Adds a signature to a package.
pub(super) fn sign(common: &Common, file: &Path, key_file: &Path) -> Result<(), Failure> {
    let unreadable =
        |error: std::io::Error| Failure::Failed(format!("{}: {error}", key_file.display()));
    let pem = std::fs::read_to_string(key_file).map_err(unreadable)?;
    let key = SigningKey::from_pem(&pem)
        .map_err(|error| Failure::Failed(format!("{}: {error}", key_file.display())))?;
    let digest = inkstone_packager::sign_file(file, &key).map_err(failed)?;
    let key_id = key.public().id();
    if common.is_json() {
        let value = json!({
            "path": file,
            "key_id": key_id.as_str(),
            "public_key": key.public().to_string(),
            "package_digest": digest,
        });
        return output::print_line(&output::pretty_json(&value)?);
    }
    output::print_line(&format!(
        "{} is signed by {key_id}\nsha256 {digest}",
        file.display()
    ))
}

/// The source and where cargo builds it. Plugins have a target folder of their own: another target and
/// profile than the engine's.
fn folders(folder: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let folder = std::path::absolute(folder)?;
    let target = match std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => std::path::absolute(dir)?.join("plugins"),
        None => folder.join("target"),
    };
    Ok((folder, target))
}

fn print(common: &Common, packed: &[Packed]) -> Result<(), Failure> {
    if common.is_json() {
        let data = packed.iter().map(|one| {
            json!({
                "id": one.manifest.id,
                "version": one.manifest.version,
                "path": one.path,
                "package_digest": one.digest,
                "size_bytes": one.size_bytes,
            })
        });
        let value = json!({ "data": data.collect::<Vec<_>>() });
        return output::print_line(&output::pretty_json(&value)?);
    }
    for one in packed {
        output::print_line(&format!("{}  sha256 {}", one.path.display(), one.digest))?;
    }
    Ok(())
}

fn failed(error: PackageError) -> Failure {
    Failure::Failed(error.to_string())
}
