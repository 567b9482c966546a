//! The mirror: a hand-written generator (`guests/mirror.wat`) for each version of the contract, loaded
//! into the host.

use std::path::Path;
use std::sync::Arc;

use inkstone_domain::capability::Grants;
use inkstone_domain::plugin::{LoadedPlugin, Manifest, PluginSpec};
use inkstone_domain::ports::PluginLoader;
use serde_json::json;
use wit_component::StringEncoding;
use wit_parser::Resolve;

use crate::{block_on, host};

const TEXT: &str = include_str!("../guests/mirror.wat");
const ID: &str = "generator-mirror";

/// A version of the contract, and what `log.write` takes beside level and message.
const VERSIONS: &[(&str, &str, &str)] = &[
    ("0.1.0", "", ""),
    (
        "0.2.0",
        "i32 i32",
        "(local.get $first) (i32.and (local.get $second) (i32.const 7))",
    ),
];

/// One per version.
pub fn all() -> Vec<Arc<LoadedPlugin>> {
    VERSIONS
        .iter()
        .map(|(version, parameters, arguments)| {
            let text = TEXT
                .replace("{VERSION}", version)
                .replace("{FIELD_PARAMETERS}", parameters)
                .replace("{FIELD_ARGUMENTS}", arguments);
            load(version, &text)
        })
        .collect()
}

fn load(version: &str, text: &str) -> Arc<LoadedPlugin> {
    let manifest: Manifest = serde_json::from_value(json!({
        "id": ID, "name": "Mirror", "version": "0.1.0", "kind": "generator", "api": version,
        "permissions": { "ai": true, "tools": true, "search": true, "kv_quota_bytes": 65536 },
    }))
    .expect("this is a manifest");
    let mut wasm = wat::parse_str(text).expect("the text is WebAssembly");
    let contract = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../wit")
        .join(format!("since-v{version}"));
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(&contract)
        .expect("the contract can be read");
    let world = resolve
        .select_world(&[package], Some("generator-plugin"))
        .expect("it has this world");
    wit_component::embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8)
        .expect("the world can be embedded");
    let component = inkstone_packager::componentise::componentise(&wasm, &manifest)
        .unwrap_or_else(|why| panic!("{version}: {why}"));
    let file = tempfile::NamedTempFile::new().expect("there is a place for files");
    std::fs::write(file.path(), component).expect("which can be written");
    let mut spec = PluginSpec::new(ID, file.path());
    spec.grants = Grants {
        permissions: manifest.permissions,
    };
    block_on(host().prepare(&spec)).unwrap_or_else(|error| panic!("{version}: {error}"))
}
