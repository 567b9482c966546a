//! Reading a package and asking whether it is trusted. The input is either the file itself, or the
//! parts of one, which are put into a proper ZIP file so that the fuzzer need not invent checksums.
#![no_main]

use std::io::{Cursor, Write};
use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use inkstone_domain::plugin::Standing;
use inkstone_package::{SigningKey, TrustPolicy, TrustedKey};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What may stand in a package, and what may not.
#[derive(Debug, Arbitrary)]
struct Parts<'a> {
    entries: Vec<Part<'a>>,
    /// Whether an index that fits the entries comes first.
    with_index: bool,
    comment: Option<&'a str>,
}

#[derive(Debug, Arbitrary)]
struct Part<'a> {
    name: Name<'a>,
    content: &'a [u8],
    stored: bool,
    mode: Option<u16>,
}

#[derive(Debug, Arbitrary)]
enum Name<'a> {
    Index,
    Signatures,
    Manifest,
    Readme,
    License,
    Component,
    Other(&'a str),
}

/// The first byte says which of both the input is; a ZIP file's own first byte is one of a file.
const PARTS: u8 = 0;

fuzz_target!(|data: &[u8]| {
    let Some((PARTS, parts)) = data.split_first().map(|(first, rest)| (*first, rest)) else {
        look(data);
        return;
    };
    let Ok(parts) = Parts::arbitrary_take_rest(Unstructured::new(parts)) else {
        return;
    };
    if let Some(file) = file_of(&parts) {
        look(&file);
    }
});

fn look(bytes: &[u8]) {
    let Ok(package) = inkstone_package::read(bytes) else {
        return;
    };
    let key = key();
    let policy = TrustPolicy {
        trusted: vec![TrustedKey {
            name: "ours".to_owned(),
            key: key.public(),
        }],
        ..TrustPolicy::default()
    };
    // Nobody but us has the key.
    if let Ok(signers) = policy.check(&package) {
        assert!(signers.iter().all(|one| one.standing != Standing::Trusted));
    }
    // What could be read can be signed, and is the same then.
    let Ok(signed) = inkstone_package::sign(bytes, key) else {
        return;
    };
    let again = inkstone_package::read(&signed).expect("a signed package can be read");
    assert_eq!(again.index, package.index);
    assert_eq!(again.component, package.component);
    assert_eq!(again.manifest_toml, package.manifest_toml);
    if let Ok(signers) = policy.check(&again) {
        assert!(signers.iter().any(|one| one.standing == Standing::Trusted));
    }
}

fn file_of(parts: &Parts<'_>) -> Option<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    if parts.with_index {
        let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file("inkplug.json", deflated).ok()?;
        writer
            .write_all(index_of(parts).to_string().as_bytes())
            .ok()?;
    }
    for part in &parts.entries {
        let name = part.name.text();
        let mut options = SimpleFileOptions::default().compression_method(match part.stored {
            true => CompressionMethod::Stored,
            false => CompressionMethod::Deflated,
        });
        if let Some(mode) = part.mode {
            options = options.unix_permissions(u32::from(mode));
        }
        writer.start_file(name, options).ok()?;
        writer.write_all(part.content).ok()?;
    }
    if let Some(comment) = parts.comment {
        writer.set_comment(comment).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}

impl<'a> Name<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Index => "inkplug.json",
            Self::Signatures => "signature.json",
            Self::Manifest => "plugin.toml",
            Self::Readme => "README.md",
            Self::License => "LICENSE",
            Self::Component => "plugin.wasm",
            Self::Other(name) => name,
        }
    }
}

fn index_of(parts: &Parts<'_>) -> Value {
    let listed = parts
        .entries
        .iter()
        .filter(|part| !matches!(part.name, Name::Index | Name::Signatures))
        .map(|part| {
            let entry = json!({
                "size": part.content.len(),
                "sha256": inkstone_domain::digest::sha256(part.content),
            });
            (part.name.text().to_owned(), entry)
        });
    json!({
        "format": 1, "engine": "0.1.0", "id": "research-x", "version": "1.0.0",
        "kind": "research", "api": "0.1.0", "entries": listed.collect::<Map<_, _>>(),
    })
}

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(SigningKey::generate)
}
