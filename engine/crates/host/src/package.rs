//! A component file before anything is compiled: its bytes, digest, manifest, stamped contract
//! version, imports and exports. Whether it may be loaded is decided here too, with a reason that
//! names the file and what to do.

use std::path::Path;

use inkstone_domain::plugin::{API_SECTION, MANIFEST_SECTION, Manifest, PluginKind};
use inkstone_domain::{Error, Result, codes};
use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload};

/// Versions of the contract this host speaks.
pub(crate) const SUPPORTED_API: &[&str] = &["0.1.0"];

/// What a component says about itself, found without compiling it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    pub manifest: Manifest,
    /// The contract's version the SDK stamped.
    pub api: String,
    /// SHA-256 of the file, hex.
    pub digest: String,
    pub size_bytes: u64,
    /// Names of the imported interfaces.
    pub imports: Vec<String>,
    /// Names of the exported interfaces.
    pub exports: Vec<String>,
}

/// Reads a component file; blocks on the disk. `plugin_rejected` where it is no plugin.
pub fn inspect(path: &Path) -> Result<Inspection> {
    read(path).map(|package| package.inspection)
}

/// A component file in memory.
#[derive(Debug)]
pub(crate) struct Package {
    pub wasm: Vec<u8>,
    pub inspection: Inspection,
}

/// Reads and inspects.
pub(crate) fn read(path: &Path) -> Result<Package> {
    let wasm = std::fs::read(path).map_err(|error| {
        rejected(path, format!("the file cannot be read: {error}")).with_source(error)
    })?;
    let sections = sections(&wasm).map_err(|reason| rejected(path, reason))?;
    let inspection = Inspection {
        manifest: sections.manifest,
        api: sections.api,
        digest: hex(&Sha256::digest(&wasm)),
        size_bytes: wasm.len() as u64,
        imports: sections.imports,
        exports: sections.exports,
    };
    Ok(Package { wasm, inspection })
}

/// `plugin_rejected`, naming the file.
pub(crate) fn rejected(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::new(
        &codes::PLUGIN_REJECTED,
        format!("{}: {reason}", path.display()),
    )
}

/// Everything that can be refused before compiling: version, identity, kind and imports.
pub(crate) fn check(inspection: &Inspection, wanted_id: &str) -> Result<(), String> {
    let manifest = &inspection.manifest;
    let supported = SUPPORTED_API.join(", ");
    if !SUPPORTED_API.contains(&inspection.api.as_str()) {
        return Err(format!(
            "it was built for version {} of the plugin contract, and this engine speaks {supported}; build it again with a fitting SDK",
            inspection.api
        ));
    }
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
    let export = interface(kind.as_str());
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
        .filter(|name| !may_import(kind, name))
        .cloned()
        .collect();
    if !strange.is_empty() {
        return Err(format!(
            "it imports {}, which a {} plugin cannot have",
            quoted(&strange),
            kind.as_str()
        ));
    }
    Ok(())
}

/// The full name of an interface of the contract.
fn interface(name: &str) -> String {
    format!("inkstone:plugin/{name}@0.1.0")
}

/// What the worlds in `wit/` import, and WASI 0.2 without HTTP: parts of it that would reach files
/// or sockets can be named, since language runtimes do, but answer with nothing (see `linkers`).
fn may_import(kind: PluginKind, name: &str) -> bool {
    const EVERYBODY: &[&str] = &["types", "chat", "log", "settings", "clock", "random"];
    let own: &[&str] = match kind {
        PluginKind::Provider => &["http", "inference"],
        PluginKind::Generator => &["ai", "tools", "search", "kv"],
        PluginKind::Research => &["http", "ai", "kv"],
        PluginKind::Analytics => &["ai", "search", "kv"],
    };
    let of_contract = EVERYBODY
        .iter()
        .chain(own)
        .any(|interface_name| name == interface(interface_name));
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

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests;
