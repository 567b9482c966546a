//! A plugin's file before anything is compiled, a package or a bare component: its bytes, digests,
//! signatures, manifest, stamped contract version, imports and exports. Whether it may be loaded is
//! decided here too, with a reason that names the file and what to do.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use inkstone_domain::plugin::{
    API_SECTION, MANIFEST_SECTION, Manifest, PackageFormat, PluginKind, Signer,
};
use inkstone_domain::{Error, Result, codes};
use inkstone_package::{Index, TrustPolicy};
use wasmparser::{Parser, Payload};

use crate::versions::ApiVersion;

/// What a plugin's file says about itself, found without compiling it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    pub manifest: Manifest,
    /// The contract's version the SDK stamped.
    pub api: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// SHA-256 of the file, hex; the same for a bare component.
    pub package_digest: String,
    pub format: PackageFormat,
    /// Who signed it, valid signatures only.
    pub signed_by: Vec<Signer>,
    /// Of the file.
    pub size_bytes: u64,
    /// Names of the imported interfaces.
    pub imports: Vec<String>,
    /// Names of the exported interfaces.
    pub exports: Vec<String>,
}

/// Reads a package or a component; blocks on the disk. `plugin_rejected` where it is no plugin,
/// `plugin_untrusted` where the policy does not take it.
pub fn inspect(path: &Path, policy: &TrustPolicy) -> Result<Inspection> {
    read(path, policy).map(|package| package.inspection)
}

/// The same for a file's content; errors call it `path`.
pub fn inspect_bytes(path: &Path, bytes: Vec<u8>, policy: &TrustPolicy) -> Result<Inspection> {
    of_bytes(path, bytes, policy).map(|package| package.inspection)
}

/// A plugin's file in memory.
#[derive(Debug)]
pub(crate) struct Package {
    /// The component.
    pub wasm: Vec<u8>,
    pub inspection: Inspection,
}

/// Reads and inspects.
pub(crate) fn read(path: &Path, policy: &TrustPolicy) -> Result<Package> {
    let most = inkstone_package::MAX_PACKAGE_BYTES;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            rejected(path, format!("the file cannot be read: {error}")).with_source(error)
        })?;
    if bytes.len() as u64 > most {
        return Err(rejected(path, format!("it has more than {most} bytes")));
    }
    of_bytes(path, bytes, policy)
}

/// Inspects a file's content; errors call it `path`.
pub(crate) fn of_bytes(path: &Path, bytes: Vec<u8>, policy: &TrustPolicy) -> Result<Package> {
    let size_bytes = bytes.len() as u64;
    let (wasm, package_digest, index, signed_by) = if inkstone_package::is_package(&bytes) {
        let package = inkstone_package::read(&bytes).map_err(|error| naming(path, error))?;
        // Before a stranger's component is looked at.
        let signed_by = policy
            .check(&package)
            .map_err(|reason| naming(path, reason))?;
        let digest = package.digest;
        (package.component, digest, Some(package.index), signed_by)
    } else {
        let digest = inkstone_domain::digest::sha256(&bytes);
        (bytes, digest, None, Vec::new())
    };
    let sections = sections(&wasm).map_err(|reason| rejected(path, reason))?;
    let digest = match &index {
        Some(index) => {
            check_index(index, &sections).map_err(|reason| rejected(path, reason))?;
            inkstone_domain::digest::sha256(&wasm)
        }
        None => {
            policy
                .check_bare(&sections.manifest.id, &package_digest)
                .map_err(|reason| naming(path, reason))?;
            package_digest.clone()
        }
    };
    let inspection = Inspection {
        manifest: sections.manifest,
        api: sections.api,
        digest,
        package_digest,
        format: match index {
            Some(_) => PackageFormat::Package,
            None => PackageFormat::Component,
        },
        signed_by,
        size_bytes,
        imports: sections.imports,
        exports: sections.exports,
    };
    Ok(Package { wasm, inspection })
}

fn naming(path: &Path, error: impl Into<Error>) -> Error {
    error.into().context(path.display())
}

/// The component's own manifest is the truth; an index that says something else would be shown in vain.
fn check_index(index: &Index, sections: &Sections) -> Result<(), String> {
    let manifest = &sections.manifest;
    for (name, said, found) in [
        ("id", &index.id, &manifest.id),
        ("version", &index.version, &manifest.version),
        ("api", &index.api, &manifest.api),
    ] {
        if said != found {
            return Err(format!(
                "its inkplug.json says {name} = \"{said}\", but the component's manifest says \"{found}\"; pack it again"
            ));
        }
    }
    if index.kind != manifest.kind {
        return Err(format!(
            "its inkplug.json says kind = \"{}\", but the component's manifest says \"{}\"; pack it again",
            index.kind.as_str(),
            manifest.kind.as_str()
        ));
    }
    Ok(())
}

/// `plugin_rejected`, naming the file.
pub(crate) fn rejected(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::new(
        &codes::PLUGIN_REJECTED,
        format!("{}: {reason}", path.display()),
    )
}

/// Everything that can be refused before compiling: version, identity, kind and imports. Gives the
/// version of the contract that it speaks.
pub(crate) fn check(inspection: &Inspection, wanted_id: &str) -> Result<ApiVersion, String> {
    let manifest = &inspection.manifest;
    inkstone_package::check_id(&manifest.id)?;
    inkstone_package::check_version(&manifest.version)?;
    let api = ApiVersion::parse(&inspection.api)?;
    if manifest.api != inspection.api {
        return Err(format!(
            "its manifest says api = \"{}\", but it was built for {}",
            manifest.api, inspection.api
        ));
    }
    if manifest.id != wanted_id {
        return Err(format!(
            "it is the plugin `{}`, but the configuration expects `{wanted_id}` here",
            manifest.id
        ));
    }
    let kind = manifest.kind;
    let export = api.interface(kind.as_str());
    if !inspection.exports.contains(&export) {
        return Err(format!(
            "its manifest says kind = \"{}\", but it does not export `{export}`; it exports {}",
            kind.as_str(),
            quoted(&inspection.exports)
        ));
    }
    let strange: Vec<String> = inspection
        .imports
        .iter()
        .filter(|name| !may_import(api, kind, name))
        .cloned()
        .collect();
    if !strange.is_empty() {
        return Err(format!(
            "it imports {}, which a {} plugin cannot have",
            quoted(&strange),
            kind.as_str()
        ));
    }
    Ok(api)
}

/// What the worlds in `wit/` import, and WASI 0.2 without HTTP: parts of it that would reach files
/// or sockets can be named, since language runtimes do, but answer with nothing (see `linkers`).
fn may_import(api: ApiVersion, kind: PluginKind, name: &str) -> bool {
    const EVERYBODY: &[&str] = &["types", "chat", "log", "settings", "clock", "random"];
    let own: &[&str] = match kind {
        PluginKind::Provider => &["http", "inference"],
        PluginKind::Generator => &["ai", "tools", "search", "kv"],
        PluginKind::Research => &["http", "ai", "kv"],
        PluginKind::Analytics => &["ai", "search", "kv"],
        PluginKind::Subscriber => &["http", "ai", "search", "kv"],
    };
    let of_contract = EVERYBODY
        .iter()
        .chain(own)
        .any(|interface_name| name == api.interface(interface_name));
    of_contract || is_wasi(name)
}

fn is_wasi(name: &str) -> bool {
    const PACKAGES: &[&str] = &[
        "wasi:cli/",
        "wasi:clocks/",
        "wasi:random/",
        "wasi:io/",
        "wasi:filesystem/",
        "wasi:sockets/",
    ];
    name.contains("@0.2.") && PACKAGES.iter().any(|package| name.starts_with(package))
}

fn quoted(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

struct Sections {
    manifest: Manifest,
    api: String,
    imports: Vec<String>,
    exports: Vec<String>,
}

fn sections(wasm: &[u8]) -> Result<Sections, String> {
    if !Parser::is_component(wasm) {
        return Err(if Parser::is_core_wasm(wasm) {
            "this is a core module, no component; package it with `inkstone plugin build`"
                .to_owned()
        } else {
            "this is no WebAssembly file".to_owned()
        });
    }
    let malformed = |error: wasmparser::BinaryReaderError| format!("the file is damaged: {error}");
    let mut manifest: Option<Manifest> = None;
    let mut api: Option<String> = None;
    let mut imports = Vec::new();
    let mut exports = Vec::new();
    // The parser walks into nested modules and components by itself.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(malformed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(malformed)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.map_err(malformed)?.name.name.to_owned());
                }
            }
            // Only the package's own manifest counts; the SDK's stamp sits in the module within.
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION && depth == 0 => {
                if manifest.is_some() {
                    return Err("it carries two manifests".to_owned());
                }
                let parsed = serde_json::from_slice(section.data())
                    .map_err(|error| format!("its manifest cannot be read: {error}"))?;
                manifest = Some(parsed);
            }
            Payload::CustomSection(section) if section.name() == API_SECTION => {
                let stamp = String::from_utf8_lossy(section.data()).trim().to_owned();
                if let Some(other) = api.as_ref().filter(|other| **other != stamp) {
                    return Err(format!(
                        "its parts were built for different versions of the contract, {other} and {stamp}"
                    ));
                }
                api = Some(stamp);
            }
            _ => {}
        }
    }
    let manifest = manifest.ok_or(
        "it carries no manifest (custom section `inkstone:manifest`); package it with `inkstone plugin build`",
    )?;
    let api = api.ok_or(
        "it does not say which version of the plugin contract it was built for (custom section `inkstone:api-version`); build it with the SDK, or package it with `inkstone plugin build`",
    )?;
    Ok(Sections {
        manifest,
        api,
        imports,
        exports,
    })
}

#[cfg(test)]
mod tests;
