//! Files that are no plugins, or not the one that was expected: each is refused with its reason.

use std::path::PathBuf;

use inkstone_domain::plugin::Standing;
use inkstone_package::{Contents, SigningKey, TrustedKey};
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
    let inspection = inspect(&path, &TrustPolicy::default())?;
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
fn each_version_has_names_of_its_own() {
    let wat = PROVIDER.replace("@0.1.0", "@0.2.0");
    let mut manifest = manifest();
    manifest["api"] = json!("0.2.0");
    let wasm = component(&wat, Some(&manifest), Some("0.2.0"));
    assert_eq!(read_and_check(&wasm, "provider-x").unwrap().api, "0.2.0");
    let wasm = component(PROVIDER, Some(&manifest), Some("0.2.0"));
    let error = read_and_check(&wasm, "provider-x").unwrap_err();
    let words = "does not export `inkstone:plugin/provider@0.2.0`";
    assert!(error.message().contains(words), "{error}");
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
            "speaks 0.1.0 and 0.2.0",
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
            // A version that is spoken, but not the one it was stamped with.
            importing("inkstone:plugin/http@0.2.0"),
            "imports `inkstone:plugin/http@0.2.0`",
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

/// A package around a component that says this of itself.
fn packed(component: &[u8], id: &str, version: &str, api: &str) -> Vec<u8> {
    let contents = Contents {
        id,
        version,
        kind: PluginKind::Provider,
        api,
        component,
        manifest_toml: "",
        readme: None,
        license: None,
    };
    inkstone_package::pack(&contents).unwrap()
}

#[test]
fn a_package_is_read_like_the_component_in_it() {
    let wasm = component(PROVIDER, Some(&manifest()), Some("0.1.0"));
    let package = packed(&wasm, "provider-x", "1.2.3", "0.1.0");
    let bare = read_and_check(&wasm, "provider-x").unwrap();
    let inspection = read_and_check(&package, "provider-x").unwrap();
    assert_eq!(inspection.manifest, bare.manifest);
    assert_eq!(inspection.digest, bare.digest);
    assert_eq!(inspection.format, PackageFormat::Package);
    assert_eq!(
        inspection.package_digest,
        inkstone_domain::digest::sha256(&package)
    );
    assert_eq!(inspection.size_bytes, package.len() as u64);
    assert_eq!(inspection.signed_by, []);
    assert_eq!(bare.format, PackageFormat::Component);
    assert_eq!(bare.package_digest, bare.digest);
}

#[test]
fn an_index_that_tells_of_another_plugin_is_refused() {
    let wasm = component(PROVIDER, Some(&manifest()), Some("0.1.0"));
    for (package, words) in [
        (
            packed(&wasm, "provider-y", "1.2.3", "0.1.0"),
            "says id = \"provider-y\"",
        ),
        (
            packed(&wasm, "provider-x", "1.2.4", "0.1.0"),
            "says version = \"1.2.4\"",
        ),
        (
            packed(&wasm, "provider-x", "1.2.3", "0.2.0"),
            "says api = \"0.2.0\"",
        ),
        (
            packed(b"no component", "provider-x", "1.2.3", "0.1.0"),
            "no WebAssembly file",
        ),
    ] {
        let error = read_and_check(&package, "provider-x").unwrap_err();
        assert_eq!(error.code().name, "plugin_rejected");
        assert!(error.message().contains(words), "{words}: {error}");
    }
    let whole = packed(&wasm, "provider-x", "1.2.3", "0.1.0");
    let error = read_and_check(&whole[..whole.len() / 2], "provider-x").unwrap_err();
    assert!(error.message().contains("is damaged"), "{error}");
}

#[test]
fn the_policy_decides_before_the_component_is_looked_at() {
    let key = SigningKey::generate();
    let policy = TrustPolicy {
        require_signature: true,
        trusted: vec![TrustedKey {
            name: "acme".to_owned(),
            key: key.public(),
        }],
        ..TrustPolicy::default()
    };
    let wasm = component(PROVIDER, Some(&manifest()), Some("0.1.0"));
    let unsigned = packed(&wasm, "provider-x", "1.2.3", "0.1.0");
    let signed = inkstone_package::sign(&unsigned, &key).unwrap();
    let nonsense = packed(b"no component", "provider-x", "1.2.3", "0.1.0");
    let look = |bytes: Vec<u8>| inspect_bytes("x".as_ref(), bytes, &policy);

    let inspection = look(signed).unwrap();
    assert_eq!(inspection.signed_by[0].name.as_deref(), Some("acme"));
    assert_eq!(inspection.signed_by[0].standing, Standing::Trusted);
    for (bytes, words) in [
        (unsigned, "it is not signed"),
        (nonsense, "it is not signed"),
        (wasm, "it is a bare component"),
    ] {
        let error = look(bytes).unwrap_err();
        assert_eq!(error.code().name, "plugin_untrusted");
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn names_that_would_leave_a_folder_are_refused() {
    for (name, value, words) in [
        ("id", "../x", "the id `../x`"),
        ("version", "1.0.0-/../x", "the version `1.0.0-/../x`"),
    ] {
        let mut manifest = manifest();
        manifest[name] = json!(value);
        let wasm = component(PROVIDER, Some(&manifest), Some("0.1.0"));
        let error = read_and_check(&wasm, "provider-x").unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
}
