//! Files that are no plugins, or not the one that was expected: each is refused with its reason.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// Imports one interface and exports the provider's, both without functions.
const PROVIDER: &str = r#"(component
    (import "inkstone:plugin/http@0.1.0" (instance))
    (instance $i)
    (export "inkstone:plugin/provider@0.1.0" (instance $i))
)"#;

fn manifest() -> Value {
    json!({ "id": "provider-x", "name": "X", "version": "1.2.3", "kind": "provider", "api": "0.1.0" })
}

/// A custom section as it stands in modules and components.
fn section(name: &str, data: &[u8]) -> Vec<u8> {
    let mut body = leb128(name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    let mut section = vec![0];
    section.extend(leb128(body.len()));
    section.extend(body);
    section
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn component(wat: &str, manifest: Option<&Value>, api: Option<&str>) -> Vec<u8> {
    let mut wasm = wat::parse_str(wat).unwrap();
    if let Some(manifest) = manifest {
        wasm.extend(section(MANIFEST_SECTION, manifest.to_string().as_bytes()));
    }
    if let Some(api) = api {
        wasm.extend(section(API_SECTION, api.as_bytes()));
    }
    wasm
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("provider-x.wasm");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read_and_check(bytes: &[u8], id: &str) -> Result<Inspection> {
    let (_folder, path) = file(bytes);
    let inspection = inspect(&path)?;
    check(&inspection, id).map_err(|reason| rejected(&path, reason))?;
    Ok(inspection)
}

#[test]
fn a_plugin_is_read_without_compiling_it() {
    let wasm = component(PROVIDER, Some(&manifest()), Some("0.1.0"));
    let inspection = read_and_check(&wasm, "provider-x").unwrap();
    assert_eq!(inspection.manifest.version, "1.2.3");
    assert_eq!(inspection.api, "0.1.0");
    assert_eq!(inspection.size_bytes, wasm.len() as u64);
    assert_eq!(inspection.digest.len(), 64);
    assert_eq!(inspection.imports, ["inkstone:plugin/http@0.1.0"]);
    assert_eq!(inspection.exports, ["inkstone:plugin/provider@0.1.0"]);
}

#[test]
fn the_stamp_is_found_in_a_module_within() {
    let wat = PROVIDER.replacen(
        "(component",
        r#"(component (core module (@custom "inkstone:api-version" "0.1.0"))"#,
        1,
    );
    let wasm = component(&wat, Some(&manifest()), None);
    assert_eq!(read_and_check(&wasm, "provider-x").unwrap().api, "0.1.0");
}

#[test]
fn what_is_no_plugin_is_refused_with_its_reason() {
    let with = |key: &str, value: &str| {
        let mut manifest = manifest();
        manifest[key] = json!(value);
        component(PROVIDER, Some(&manifest), Some("0.1.0"))
    };
    let whole = component(PROVIDER, Some(&manifest()), Some("0.1.0"));
    let importing = |name: &str| {
        let wat = PROVIDER.replace("inkstone:plugin/http@0.1.0", name);
        component(&wat, Some(&manifest()), Some("0.1.0"))
    };
    for (bytes, words) in [
        (b"not wasm at all".to_vec(), "no WebAssembly file"),
        (wat::parse_str("(module)").unwrap(), "a core module"),
        (whole[..whole.len() - 3].to_vec(), "damaged"),
        (component(PROVIDER, None, Some("0.1.0")), "no manifest"),
        (
            component(PROVIDER, Some(&json!({ "id": 1 })), Some("0.1.0")),
            "manifest cannot be read",
        ),
        (
            component(PROVIDER, Some(&manifest()), None),
            "inkstone:api-version",
        ),
        (
            component(PROVIDER, Some(&manifest()), Some("9.0.0")),
            "speaks 0.1.0",
        ),
        (with("api", "0.2.0"), "says api = \"0.2.0\""),
        (with("id", "provider-y"), "is the plugin `provider-y`"),
        (
            with("kind", "research"),
            "does not export `inkstone:plugin/research@0.1.0`",
        ),
        (
            importing("inkstone:plugin/ai@0.1.0"),
            "imports `inkstone:plugin/ai@0.1.0`",
        ),
        (
            importing("inkstone:plugin/http@0.9.0"),
            "imports `inkstone:plugin/http@0.9.0`",
        ),
        (
            importing("wasi:http/outgoing-handler@0.2.0"),
            "`wasi:http/outgoing-handler@0.2.0`",
        ),
        (
            importing("wasi:cli/stdout@0.3.0"),
            "`wasi:cli/stdout@0.3.0`",
        ),
    ] {
        let error = read_and_check(&bytes, "provider-x").unwrap_err();
        assert_eq!(error.code().name, "plugin_rejected");
        assert!(error.message().contains("provider-x.wasm: "), "{error}");
        assert!(error.message().contains(words), "{words}: {error}");
    }
}

#[test]
fn two_manifests_and_two_stamps_are_refused() {
    let mut wasm = component(PROVIDER, Some(&manifest()), Some("0.1.0"));
    wasm.extend(section(MANIFEST_SECTION, b"{}"));
    let error = read_and_check(&wasm, "provider-x").unwrap_err();
    assert!(error.message().contains("two manifests"), "{error}");
    let mut wasm = component(PROVIDER, Some(&manifest()), Some("0.1.0"));
    wasm.extend(section(API_SECTION, b"0.2.0"));
    let error = read_and_check(&wasm, "provider-x").unwrap_err();
    assert!(error.message().contains("0.1.0 and 0.2.0"), "{error}");
}

#[test]
fn wasi_without_http_may_be_named() {
    for name in [
        "wasi:cli/stdout@0.2.3",
        "wasi:sockets/tcp@0.2.0",
        "wasi:filesystem/types@0.2.6",
    ] {
        let wat = PROVIDER.replace("inkstone:plugin/http@0.1.0", name);
        let wasm = component(&wat, Some(&manifest()), Some("0.1.0"));
        read_and_check(&wasm, "provider-x").unwrap();
    }
}
