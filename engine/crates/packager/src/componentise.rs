//! Bytes to bytes: a core module becomes a component, a component gets its manifest as a custom
//! section, and the version of the contract that the SDK stamped is compared with the manifest's.

use std::borrow::Cow;

use inkstone_domain::plugin::{API_SECTION, MANIFEST_SECTION, Manifest};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

/// The eight bytes that every component starts with end in this layer and version.
const CUSTOM_SECTION_ID: u8 = 0;

/// Makes the package's bytes of a core module (from the Rust SDK) or of a finished component (from
/// another language's tools). The error says what is wrong in words for the plugin's author.
pub fn componentise(wasm: &[u8], manifest: &Manifest) -> Result<Vec<u8>, String> {
    let component: Cow<'_, [u8]> = if Parser::is_component(wasm) {
        Cow::Borrowed(wasm)
    } else if Parser::is_core_wasm(wasm) {
        Cow::Owned(encode(wasm)?)
    } else {
        return Err("this is no WebAssembly file".to_owned());
    };
    let found = sections(&component)?;
    if found.has_manifest {
        return Err(
            "this component carries a manifest already; package the file that the compiler wrote"
                .to_owned(),
        );
    }
    check_api(&found.api, &manifest.api)?;
    let json = serde_json::to_vec(manifest)
        .map_err(|error| format!("the manifest cannot be written as JSON: {error}"))?;
    let mut packaged = component.into_owned();
    append_custom_section(&mut packaged, MANIFEST_SECTION, &json);
    Ok(packaged)
}

/// The manifest inside a packaged component.
pub fn manifest_of(wasm: &[u8]) -> Result<Manifest, String> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| format!("this is no valid WebAssembly: {error}"))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // Only the package's own section counts, none of a part inside it.
            Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                return serde_json::from_slice(section.data())
                    .map_err(|error| format!("the manifest inside is not valid: {error}"));
            }
            _ => {}
        }
    }
    Err("there is no manifest inside; build it with `inkstone plugin build`".to_owned())
}

/// What the custom sections say, those of nested modules included.
#[derive(Default)]
struct Sections {
    /// Every stamp of the contract's version that was found.
    api: Vec<String>,
    has_manifest: bool,
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| {
            format!("the module cannot be made a component; does it use the SDK and call its `register` macro? ({error:#})")
        })
}

fn sections(wasm: &[u8]) -> Result<Sections, String> {
    let mut found = Sections::default();
    // The parser walks into nested modules and components by itself.
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| format!("this is no valid WebAssembly: {error}"))?;
        if let Payload::Version { encoding, .. } = &payload
            && !matches!(encoding, Encoding::Module | Encoding::Component)
        {
            return Err("this is no WebAssembly component".to_owned());
        }
        let Payload::CustomSection(section) = payload else {
            continue;
        };
        match section.name() {
            MANIFEST_SECTION => found.has_manifest = true,
            API_SECTION => {
                let version = String::from_utf8_lossy(section.data());
                found.api.push(version.trim().to_owned());
            }
            _ => {}
        }
    }
    Ok(found)
}

fn check_api(stamped: &[String], declared: &str) -> Result<(), String> {
    if stamped.is_empty() {
        return Err(format!(
            "the section `{API_SECTION}` is missing, so nobody knows which contract it was built for; use the SDK, or add the section with the text `{declared}`"
        ));
    }
    match stamped.iter().find(|version| *version != declared) {
        None => Ok(()),
        Some(other) => Err(format!(
            "plugin.toml says api = \"{declared}\", but the code was built for {other}; make them equal"
        )),
    }
}

/// A custom section has the same framing in modules and components: id, size, name, bytes.
fn append_custom_section(wasm: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = Vec::with_capacity(name.len() + data.len() + 5);
    leb128(&mut body, name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    wasm.push(CUSTOM_SECTION_ID);
    leb128(wasm, body.len());
    wasm.extend_from_slice(&body);
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

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = r#"(@custom "inkstone:api-version" "0.1.0")"#;

    fn manifest() -> Manifest {
        inkstone_config::manifest::parse(
            "id = \"research-x\"\nname = \"X\"\nversion = \"1.0.0\"\nkind = \"research\"\napi = \"0.1.0\"\n",
            "plugin.toml",
        )
        .unwrap()
    }

    fn component(inside: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {inside})")).unwrap()
    }

    #[test]
    fn a_component_is_stamped_and_read_back() {
        let wasm = component(&format!("(core module {API})"));
        let packaged = componentise(&wasm, &manifest()).unwrap();
        assert!(packaged.starts_with(&wasm));
        assert_eq!(manifest_of(&packaged).unwrap(), manifest());
    }

    #[test]
    fn a_core_module_becomes_a_component() {
        let wasm = wat::parse_str(format!("(module {API})")).unwrap();
        let packaged = componentise(&wasm, &manifest()).unwrap();
        assert!(Parser::is_component(&packaged));
        assert_eq!(manifest_of(&packaged).unwrap(), manifest());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fine = component(&format!("(core module {API})"));
        let packaged = componentise(&fine, &manifest()).unwrap();
        let other = component(r#"(core module (@custom "inkstone:api-version" "0.2.0"))"#);
        for (wasm, want) in [
            (b"hello".to_vec(), "no WebAssembly file"),
            (
                component("(core module)"),
                "`inkstone:api-version` is missing",
            ),
            (other, "built for 0.2.0"),
            (packaged, "carries a manifest already"),
            (fine[..fine.len() - 2].to_vec(), "no valid WebAssembly"),
        ] {
            let error = componentise(&wasm, &manifest()).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn a_manifest_of_an_inner_part_does_not_count() {
        let inner = component(&format!(
            "(core module {API} (@custom \"{MANIFEST_SECTION}\" \"{{}}\"))"
        ));
        let error = manifest_of(&inner).unwrap_err();
        assert!(error.contains("no manifest inside"), "{error}");
    }
}
