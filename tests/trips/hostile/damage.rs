//! Files that are no plugins, or none any more: what is done to a component or a package on its way.

use std::io::{Cursor, Read, Write};

use inkstone_domain::plugin::PluginKind;
use inkstone_package::{Contents, SigningKey, pack, sign};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use super::attacks::Damage;

const ID: &str = "analytics-hostile";
const MANIFEST: &str = include_str!("../../guests/hostile/plugin.toml");

/// A file made of this honest component; `number` says where the damage is.
pub fn damaged(damage: Damage, component: &[u8], number: usize) -> Vec<u8> {
    let cut = |whole: &[u8]| {
        let kept = whole.len() - 1 - spread(number) % (whole.len() - 64);
        whole[..kept].to_vec()
    };
    match damage {
        Damage::NoWasm => b"#!/bin/sh\nrm -rf /\n".to_vec(),
        Damage::CoreModule => wat::parse_str("(module)").unwrap(),
        Damage::ComponentCutOff => cut(component),
        Damage::TwoManifests => {
            // A custom section: its number, its size, the size of its name, the name, `{}`.
            [component, b"\x00\x14\x11inkstone:manifest{}"].concat()
        }
        Damage::PackageCutOff => cut(&packed(component)),
        Damage::PackageBitFlipped => {
            let mut whole = packed(component);
            // In what the component was packed to: there is no bit of it without meaning.
            let at = whole.len() / 4 + spread(number) % (whole.len() / 2);
            whole[at] ^= 1 << (number % 8);
            whole
        }
        Damage::PathOutside => renamed(packed(component), b"README.md", b"../../pwn"),
        Damage::AbsolutePath => renamed(packed(component), b"README.md", b"/etc/motd"),
        Damage::TwiceTheSameName => renamed(packed(component), b"plugin.toml", b"plugin.wasm"),
        Damage::LyingSize => lying_size(packed(component)),
        Damage::Bomb => {
            let zeros = vec![0; 8 << 20];
            rezipped(&packed(component), &[("README.md", &zeros)])
        }
        Damage::ForgedSignature => {
            // The signature is whole, and is that of another index.
            let other = [component, b"\x00\x02\x01x"].concat();
            let index = entry(&packed(&other), "inkplug.json");
            let signed = sign(&packed(component), &SigningKey::generate()).unwrap();
            rezipped(
                &signed,
                &[("inkplug.json", &index), ("plugin.wasm", &other)],
            )
        }
        Damage::UnknownSigner => sign(&packed(component), &SigningKey::generate()).unwrap(),
        Damage::Unsigned => packed(component),
    }
}

/// Far apart for numbers that are near.
fn spread(number: usize) -> usize {
    number.wrapping_mul(104_729)
}

fn packed(component: &[u8]) -> Vec<u8> {
    pack(&Contents {
        id: ID,
        version: "0.1.0",
        kind: PluginKind::Analytics,
        api: "0.1.0",
        component,
        manifest_toml: MANIFEST,
        readme: Some("# Hostile\n"),
        license: None,
    })
    .unwrap()
}

/// The name of an entry changed, both before its bytes and in the directory.
fn renamed(mut package: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..package.len() - from.len())
        .filter(|at| package[*at..].starts_with(from))
        .collect();
    assert_eq!(places.len(), 2, "an entry is named twice in a ZIP file");
    for at in places {
        package[at..at + to.len()].copy_from_slice(to);
    }
    package
}

/// The first entry is said to be 4 GiB long, in the directory.
fn lying_size(mut package: Vec<u8>) -> Vec<u8> {
    let line = package.windows(4).position(|four| four == b"PK\x01\x02");
    let line = line.unwrap();
    package[line + 24..line + 28].fill(0xff);
    package
}

fn entry(package: &[u8], name: &str) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(package)).unwrap();
    let mut bytes = Vec::new();
    let mut entry = archive.by_name(name).unwrap();
    entry.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The same package with other bytes in some entries.
fn rezipped(package: &[u8], changed: &[(&str, &[u8])]) -> Vec<u8> {
    let archive = ZipArchive::new(Cursor::new(package)).unwrap();
    // As the packer writes it, so that nothing but the bytes is at fault.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for position in 0..archive.len() {
        let name = archive.name_for_index(position).unwrap().unwrap();
        let change = changed.iter().find(|(one, _)| *one == name);
        let bytes = match change {
            Some((_, bytes)) => bytes.to_vec(),
            None => entry(package, &name),
        };
        writer.start_file(&*name, options).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    let component = wat::parse_str("(component)").unwrap();
    let whole = packed(&component);
    let honest = inkstone_package::read(&whole).unwrap();
    let mut unnoticed = Vec::new();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = inkstone_package::read(&flipped) {
            assert_ne!(read.digest, honest.digest);
            assert_eq!(read.component, honest.component, "bit {bit}");
            assert_eq!(read.index, honest.index, "bit {bit}");
            assert_eq!(read.manifest_toml, honest.manifest_toml, "bit {bit}");
            unnoticed.push(bit);
        }
    }
    println!(
        "{} of {} bits: {unnoticed:?}",
        unnoticed.len(),
        whole.len() * 8
    );
}
