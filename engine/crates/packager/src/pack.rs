//! From a finished component to one `ID-VERSION.inkplug`, with what lies beside its `plugin.toml`, and
//! the signature on it. What a package is, `inkstone-package` says; here are the files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use inkstone_config::manifest;
use inkstone_domain::plugin::Manifest;
use inkstone_package::{Contents, SigningKey};

use crate::componentise;
use crate::error::PackageError;
use crate::package::{package_workspace, write_atomically};
use crate::toolchain::Toolchain;

/// One finished package.
#[derive(Debug, Clone)]
pub struct Packed {
    pub manifest: Manifest,
    pub path: PathBuf,
    /// SHA-256 of the file, hex.
    pub digest: String,
    pub size_bytes: u64,
}

/// Packs a component that carries its manifest. `README.md`, `LICENSE` and `plugin.toml` are taken
/// from `source`; without a `plugin.toml` there, one is written from the manifest inside.
pub fn pack_file(wasm: &Path, source: &Path, out_dir: &Path) -> Result<Packed, PackageError> {
    let component = fs::read(wasm).map_err(PackageError::file(wasm))?;
    let manifest =
        componentise::manifest_of(&component).map_err(|why| PackageError::rejected(wasm, why))?;
    let manifest_toml = manifest_toml(wasm, &manifest, &source.join("plugin.toml"))?;
    let readme = optional_text(&source.join("README.md"))?;
    let license = optional_text(&source.join("LICENSE"))?;
    let contents = Contents {
        id: &manifest.id,
        version: &manifest.version,
        kind: manifest.kind,
        api: &manifest.api,
        component: &component,
        manifest_toml: &manifest_toml,
        readme: readme.as_deref(),
        license: license.as_deref(),
    };
    let bytes = inkstone_package::pack(&contents)
        .map_err(|error| PackageError::rejected(wasm, error.to_string()))?;
    let file = format!(
        "{}-{}.{}",
        manifest.id,
        manifest.version,
        inkstone_package::EXTENSION
    );
    let path = out_dir.join(file);
    write_atomically(&path, &bytes)?;
    Ok(Packed {
        manifest,
        path,
        digest: inkstone_domain::digest::sha256(&bytes),
        size_bytes: bytes.len() as u64,
    })
}

/// Builds the crate or workspace at `folder` and packs every plugin in it into `out_dir`.
pub fn pack_workspace(
    toolchain: &Toolchain,
    folder: &Path,
    target_dir: &Path,
    out_dir: &Path,
) -> Result<Vec<Packed>, PackageError> {
    // The bare components are a step on the way, so they stay where cargo's own results are.
    let components = target_dir.join("components");
    package_workspace(toolchain, folder, target_dir, &components)?
        .iter()
        .map(|built| pack_file(&built.path, &built.source, out_dir))
        .collect()
}

/// Adds a signature to a package, in its place; one by the same key is replaced. Gives the SHA-256 of
/// the file as it is then, hex.
pub fn sign_file(path: &Path, key: &SigningKey) -> Result<String, PackageError> {
    let bytes = fs::read(path).map_err(PackageError::file(path))?;
    if !inkstone_package::is_package(&bytes) {
        return Err(PackageError::rejected(
            path,
            "only a package can be signed; make one with `inkstone plugin pack`",
        ));
    }
    let signed = inkstone_package::sign(&bytes, key)
        .map_err(|error| PackageError::rejected(path, error.to_string()))?;
    write_atomically(path, &signed)?;
    Ok(inkstone_domain::digest::sha256(&signed))
}

fn manifest_toml(wasm: &Path, inside: &Manifest, path: &Path) -> Result<String, PackageError> {
    let Some(text) = optional_text(path)? else {
        return manifest::write(inside).map_err(|why| {
            PackageError::rejected(
                wasm,
                format!("its manifest cannot be written as plugin.toml: {why}"),
            )
        });
    };
    if manifest::load(path)? == *inside {
        return Ok(text);
    }
    Err(PackageError::rejected(
        path,
        format!(
            "it, or prices.toml beside it, says something else than the manifest inside {}; build the component again",
            wasm.display()
        ),
    ))
}

fn optional_text(path: &Path) -> Result<Option<String>, PackageError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PackageError::file(path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::package_file;

    const TOML: &str = "id = \"research-x\"\nname = \"X\"\nversion = \"1.0.0\"\nkind = \"research\"\napi = \"0.1.0\"\n";

    /// A folder as an author has it, and the component built from it.
    fn built() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let module = r#"(module (@custom "inkstone:api-version" "0.1.0"))"#;
        let wasm = folder.path().join("in.wasm");
        fs::write(&wasm, wat::parse_str(module).unwrap()).unwrap();
        let manifest_path = folder.path().join("plugin.toml");
        fs::write(&manifest_path, TOML).unwrap();
        let component = package_file(&wasm, &manifest_path, &folder.path().join("dist")).unwrap();
        assert_eq!(component.source, folder.path());
        (folder, component.path)
    }

    #[test]
    fn what_lies_beside_the_manifest_comes_along() {
        let (folder, component) = built();
        fs::write(folder.path().join("README.md"), "# X\n").unwrap();
        let out = folder.path().join("out");
        let packed = pack_file(&component, folder.path(), &out).unwrap();
        assert_eq!(packed.path, out.join("research-x-1.0.0.inkplug"));
        let bytes = fs::read(&packed.path).unwrap();
        assert_eq!(packed.size_bytes, bytes.len() as u64);
        let package = inkstone_package::read(&bytes).unwrap();
        assert_eq!(package.digest, packed.digest);
        assert_eq!(package.component, fs::read(&component).unwrap());
        assert_eq!(package.manifest_toml, TOML);
        assert_eq!(package.readme.as_deref(), Some("# X\n"));
        assert_eq!(package.license, None);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }

    #[test]
    fn a_component_from_anywhere_gets_its_manifest_written() {
        let (folder, component) = built();
        let empty = folder.path().join("dist");
        let packed = pack_file(&component, &empty, folder.path()).unwrap();
        let package = inkstone_package::read(&fs::read(&packed.path).unwrap()).unwrap();
        let written = manifest::parse(&package.manifest_toml, "written").unwrap();
        assert_eq!(written, packed.manifest);
    }

    #[test]
    fn prices_travel_in_the_component() {
        let (folder, _) = built();
        let toml = TOML.replace("kind = \"research\"", "kind = \"provider\"");
        let manifest_path = folder.path().join("plugin.toml");
        fs::write(&manifest_path, &toml).unwrap();
        let prices = "source = \"https://a.example\"\nas_of = \"2025-06-30\"\n[[models]]\nmodel = \"*\"\ninput = 0.15\n";
        let prices_path = folder.path().join("prices.toml");
        fs::write(&prices_path, prices).unwrap();
        let (wasm, dist) = (folder.path().join("in.wasm"), folder.path().join("dist"));
        let component = package_file(&wasm, &manifest_path, &dist).unwrap();
        let packed = pack_file(&component.path, folder.path(), &dist).unwrap();
        let table = packed.manifest.prices.unwrap();
        assert_eq!(table.price_of("any").unwrap().input, 0.15);
        // Beside nothing, the manifest is written without them, and the component still has them.
        let empty = folder.path().join("empty");
        let packed = pack_file(&component.path, &empty, folder.path()).unwrap();
        assert!(packed.manifest.prices.is_some());
        let package = inkstone_package::read(&fs::read(&packed.path).unwrap()).unwrap();
        assert!(manifest::parse(&package.manifest_toml, "written").is_ok());
        // Another price is another component.
        fs::write(&prices_path, prices.replace("0.15", "0.25")).unwrap();
        let error = pack_file(&component.path, folder.path(), &dist).unwrap_err();
        assert!(error.to_string().contains("prices.toml"), "{error}");
        assert!(package_file(&wasm, &manifest_path, &dist).unwrap().changed);
        fs::remove_file(&prices_path).unwrap();
        let component = package_file(&wasm, &manifest_path, &dist).unwrap();
        assert!(component.changed && component.manifest.prices.is_none());
    }

    #[test]
    fn an_old_component_beside_a_new_manifest_is_told() {
        let (folder, component) = built();
        let newer = TOML.replace("1.0.0", "1.1.0");
        fs::write(folder.path().join("plugin.toml"), newer).unwrap();
        let error = pack_file(&component, folder.path(), folder.path()).unwrap_err();
        assert!(
            error.to_string().contains("build the component again"),
            "{error}"
        );
    }

    #[test]
    fn a_package_is_signed_in_its_place_and_a_component_is_not() {
        let (folder, component) = built();
        let packed = pack_file(&component, folder.path(), folder.path()).unwrap();
        let key = SigningKey::generate();
        let digest = sign_file(&packed.path, &key).unwrap();
        let package = inkstone_package::read(&fs::read(&packed.path).unwrap()).unwrap();
        assert_eq!(package.digest, digest);
        assert_eq!(package.signatures[0].key, key.public());
        let error = sign_file(&component, &key).unwrap_err();
        assert!(error.to_string().contains("only a package"), "{error}");
    }
}
