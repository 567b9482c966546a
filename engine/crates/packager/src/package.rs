//! The whole way: build a workspace of plugins and write one `<id>.wasm` for each, only where
//! something changed, and never half a file.

use std::fs;
use std::path::{Path, PathBuf};

use inkstone_config::manifest;
use inkstone_domain::plugin::Manifest;

use crate::build;
use crate::componentise;
use crate::error::PackageError;
use crate::toolchain::Toolchain;

/// One finished package.
#[derive(Debug, Clone)]
pub struct Packaged {
    pub manifest: Manifest,
    /// The folder of its `plugin.toml`.
    pub source: PathBuf,
    pub path: PathBuf,
    /// `false` when the file was there already with the same content.
    pub changed: bool,
    pub size_bytes: u64,
}

/// Builds the crate or workspace at `folder` and packages every plugin in it into `out_dir`.
pub fn package_workspace(
    toolchain: &Toolchain,
    folder: &Path,
    target_dir: &Path,
    out_dir: &Path,
) -> Result<Vec<Packaged>, PackageError> {
    let modules = build::modules(folder, target_dir)?;
    if modules.is_empty() {
        return Err(PackageError::rejected(
            folder,
            "no crate here has a plugin.toml beside its Cargo.toml",
        ));
    }
    // Manifests first: a typing error there should not cost a build.
    let manifests = modules
        .iter()
        .map(|module| manifest::load(&module.folder.join("plugin.toml")))
        .collect::<Result<Vec<_>, _>>()?;
    build::build(toolchain, folder, target_dir)?;
    modules
        .iter()
        .zip(manifests)
        .map(|(module, manifest)| {
            let manifest_path = module.folder.join("plugin.toml");
            package(&module.wasm, &manifest_path, manifest, out_dir)
        })
        .collect()
}

/// Packages one built file, a core module or a component of any language.
pub fn package_file(
    wasm: &Path,
    manifest_path: &Path,
    out_dir: &Path,
) -> Result<Packaged, PackageError> {
    package(wasm, manifest_path, manifest::load(manifest_path)?, out_dir)
}

fn package(
    wasm: &Path,
    manifest_path: &Path,
    manifest: Manifest,
    out_dir: &Path,
) -> Result<Packaged, PackageError> {
    let path = out_dir.join(format!("{}.wasm", manifest.id));
    let source = folder_of(manifest_path).to_owned();
    if is_fresh(&path, &[wasm, manifest_path]) && carries(&path, &manifest) {
        let size_bytes = fs::metadata(&path)
            .map_err(PackageError::file(&path))?
            .len();
        return Ok(Packaged {
            manifest,
            source,
            path,
            changed: false,
            size_bytes,
        });
    }
    let module = fs::read(wasm).map_err(PackageError::file(wasm))?;
    let packaged = componentise::componentise(&module, &manifest)
        .map_err(|why| PackageError::rejected(wasm, why))?;
    let changed = fs::read(&path).map_or(true, |old| old != packaged);
    write_atomically(&path, &packaged)?;
    Ok(Packaged {
        manifest,
        source,
        path,
        changed,
        size_bytes: packaged.len() as u64,
    })
}

/// Whether `output` is newer than all its inputs. An equal time counts as old, since clocks are coarse.
fn is_fresh(output: &Path, inputs: &[&Path]) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let Some(written) = modified(output) else {
        return false;
    };
    // A newer packager may write other bytes of the same inputs.
    let own = std::env::current_exe().ok();
    let mut all = inputs.iter().copied().chain(own.as_deref());
    all.all(|input| modified(input).is_some_and(|changed| changed < written))
}

/// Whether the package holds this manifest: prices lie in a file of their own, which may come and go.
fn carries(package: &Path, manifest: &Manifest) -> bool {
    let bytes = fs::read(package).unwrap_or_default();
    componentise::manifest_of(&bytes).is_ok_and(|inside| inside == *manifest)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Readers see the old file or the new one: written beside it, then renamed.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), PackageError> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(PackageError::file(folder))?;
    let temporary = path.with_extension(format!("wasm.{}.tmp", std::process::id()));
    fs::write(&temporary, bytes).map_err(PackageError::file(&temporary))?;
    fs::rename(&temporary, path).map_err(PackageError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packaging_twice_changes_nothing_and_an_edit_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let wasm = folder.path().join("in.wasm");
        let manifest_path = folder.path().join("plugin.toml");
        let out = folder.path().join("dist");
        let module = r#"(module (@custom "inkstone:api-version" "0.1.0"))"#;
        fs::write(&wasm, wat::parse_str(module).unwrap()).unwrap();
        let write_manifest = |name: &str| {
            let text = format!(
                "id = \"research-x\"\nname = \"{name}\"\nversion = \"1.0.0\"\nkind = \"research\"\napi = \"0.1.0\"\n"
            );
            fs::write(&manifest_path, text).unwrap();
        };
        write_manifest("One");

        let first = package_file(&wasm, &manifest_path, &out).unwrap();
        assert!(first.changed);
        assert_eq!(first.path, out.join("research-x.wasm"));
        assert!(!package_file(&wasm, &manifest_path, &out).unwrap().changed);

        write_manifest("Two");
        assert!(package_file(&wasm, &manifest_path, &out).unwrap().changed);
        let bytes = fs::read(&first.path).unwrap();
        assert_eq!(componentise::manifest_of(&bytes).unwrap().name, "Two");
        // Nothing temporary stays behind.
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_manifest_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let manifest_path = folder.path().join("plugin.toml");
        fs::write(&manifest_path, "id = \"x\"\nnmae = \"X\"\n").unwrap();
        let error = package_file(&manifest_path, &manifest_path, folder.path()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("plugin.toml:2:1: unknown section or key `nmae`"),
            "{message}"
        );
        assert!(message.contains("did you mean `name`?"), "{message}");
    }
}
