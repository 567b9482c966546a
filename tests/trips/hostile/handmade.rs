//! Makes components of the hand-written texts in `tests/guests/handmade`; its README says how.

use std::path::{Path, PathBuf};

use inkstone_domain::plugin::Manifest;
use inkstone_packager::componentise::componentise;
use serde_json::json;
use wasmparser::{Parser, Payload};
use wit_component::StringEncoding;
use wit_parser::Resolve;

use crate::engine::root;

const HONEST: &str = "honest";

/// The component of `NAME.wat` as a plugin with this id.
pub fn component(name: &str, id: &str) -> Vec<u8> {
    let text = text(name);
    let manifest = manifest(id);
    let packaged = if name.starts_with("whole-") {
        componentise(&parsed(name, &text), &manifest)
    } else if text.lines().any(|line| line.starts_with("(component")) {
        let within = parsed(name, &text);
        componentise(&module(HONEST, &self::text(HONEST)), &manifest)
            .map(|honest| with_nested(honest, &within))
    } else {
        componentise(&module(name, &text), &manifest)
    };
    packaged.unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// Writes the component and returns its path.
pub fn write(folder: &Path, name: &str, id: &str) -> PathBuf {
    let path = folder.join(format!("{id}-{name}.wasm"));
    std::fs::write(&path, component(name, id)).unwrap();
    path
}

fn manifest(id: &str) -> Manifest {
    let manifest = json!({
        "id": id, "name": "Handmade", "version": "0.1.0", "kind": "analytics", "api": "0.1.0",
    });
    serde_json::from_value(manifest).unwrap()
}

fn text(name: &str) -> String {
    let path = root().join(format!("tests/guests/handmade/{name}.wat"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(name: &str, text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A core module with everything that a component needs to know of it.
fn module(name: &str, harm: &str) -> Vec<u8> {
    let prelude = text("prelude");
    let own_allocator = harm.contains("\"cabi_realloc\"");
    let allocator = (!own_allocator).then(|| text("realloc"));
    let whole = format!(
        "(module\n{harm}\n{prelude}\n{})",
        allocator.unwrap_or_default()
    );
    let mut wasm = parsed(name, &whole);
    let mut resolve = Resolve::default();
    let contract = root().join("wit/since-v0.1.0");
    let (package, _) = resolve.push_dir(&contract).unwrap();
    let world = resolve
        .select_world(&[package], Some("analytics-plugin"))
        .unwrap();
    wit_component::embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8)
        .unwrap();
    wasm
}

/// The outer component with another one within, instantiated last.
fn with_nested(mut outer: Vec<u8>, nested: &[u8]) -> Vec<u8> {
    let mut depth = 0_usize;
    let mut components = 0_usize;
    for payload in Parser::new(0).parse_all(&outer) {
        match payload.unwrap() {
            Payload::ComponentSection { .. } => {
                components += usize::from(depth == 0);
                depth += 1;
            }
            Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // Section 4 holds a component; section 5 makes one instance of it, with no arguments.
    outer.push(4);
    leb128(&mut outer, nested.len());
    outer.extend_from_slice(nested);
    let mut instance = vec![1, 0];
    leb128(&mut instance, components);
    instance.push(0);
    outer.push(5);
    leb128(&mut outer, instance.len());
    outer.extend(instance);
    outer
}

fn leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
