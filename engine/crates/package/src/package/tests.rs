//! Packages as they should be, and packages made to do harm: each is refused with its reason.

use std::io::{Cursor, Write};

use zip::write::{FileOptions, SimpleFileOptions};
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::{MAX_COMPONENT_BYTES, MAX_PACKAGE_BYTES, TrustPolicy};

const TOML: &str = "id = \"provider-x\"\n";

fn contents() -> Contents<'static> {
    Contents {
        id: "provider-x",
        version: "1.2.0",
        kind: PluginKind::Provider,
        api: "0.1.0",
        component: b"\0asm and so on, and so on, and so on",
        manifest_toml: TOML,
        readme: Some("# X\n"),
        license: Some("Do what you like.\n"),
    }
}

fn whole() -> Vec<u8> {
    pack(&contents()).unwrap()
}

fn deflated() -> SimpleFileOptions {
    FileOptions::default().compression_method(CompressionMethod::Deflated)
}

/// A ZIP file with any entries, of which one may be packed otherwise.
fn zip_of(entries: &[(&str, &[u8], SimpleFileOptions)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, options) in entries {
        writer.start_file(*name, *options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The entries of [`whole`], with a change.
fn changed(change: impl FnOnce(&mut Entries)) -> Vec<u8> {
    let mut entries = archive::read(&whole()).unwrap();
    change(&mut entries);
    let list: Vec<_> = entries
        .iter()
        .map(|(name, content)| (*name, content.as_slice(), deflated()))
        .collect();
    zip_of(&list)
}

/// [`whole`] with one entry more.
fn with_entry(name: &str, content: &[u8], options: SimpleFileOptions) -> Vec<u8> {
    let entries = archive::read(&whole()).unwrap();
    let mut list: Vec<_> = entries
        .iter()
        .map(|(name, content)| (*name, content.as_slice(), deflated()))
        .collect();
    list.push((name, content, options));
    zip_of(&list)
}

#[track_caller]
fn refused(bytes: &[u8], words: &str) {
    let message = read(bytes).unwrap_err().to_string();
    assert!(message.contains(words), "wanted `{words}`: {message}");
}

fn replace_all(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    for start in 0..=bytes.len() - from.len() {
        if bytes[start..].starts_with(from) {
            bytes[start..start + to.len()].copy_from_slice(to);
        }
    }
}

#[test]
fn what_was_packed_is_read() {
    let bytes = whole();
    assert!(is_package(&bytes));
    let package = read(&bytes).unwrap();
    assert_eq!(package.index.id, "provider-x");
    assert_eq!(package.index.version, "1.2.0");
    assert_eq!(package.component, contents().component);
    assert_eq!(package.manifest_toml, TOML);
    assert_eq!(package.readme.as_deref(), Some("# X\n"));
    assert_eq!(package.license.as_deref(), contents().license);
    assert_eq!(package.digest, sha256(&bytes));
    assert_eq!(package.signatures, []);

    let bare = Contents {
        readme: None,
        license: None,
        ..contents()
    };
    let package = read(&pack(&bare).unwrap()).unwrap();
    assert_eq!((package.readme, package.license), (None, None));
}

#[test]
fn the_same_contents_give_the_same_bytes() {
    assert_eq!(whole(), whole());
    let key = SigningKey::generate();
    let signed = sign(&whole(), &key).unwrap();
    assert_eq!(sign(&whole(), &key).unwrap(), signed);
    // Signing again with the same key changes nothing.
    assert_eq!(sign(&signed, &key).unwrap(), signed);
    let twice = sign(&signed, &SigningKey::generate()).unwrap();
    assert_eq!(read(&twice).unwrap().signatures.len(), 2);
}

#[test]
fn what_cannot_be_read_is_not_packed() {
    for (wrong, words) in [
        (
            Contents {
                id: "../x",
                ..contents()
            },
            "the id",
        ),
        (
            Contents {
                version: "1",
                ..contents()
            },
            "no semantic version",
        ),
        (
            Contents {
                readme: Some(&"x".repeat(2 << 20)),
                ..contents()
            },
            "`README.md` has 2097152 bytes",
        ),
    ] {
        let message = pack(&wrong).unwrap_err().to_string();
        assert!(message.contains(words), "{words}: {message}");
    }
}

#[test]
fn a_package_that_was_cut_off_is_damaged_at_every_length() {
    let bytes = sign(&whole(), &SigningKey::generate()).unwrap();
    for length in 0..bytes.len() {
        let error = read(&bytes[..length]).unwrap_err();
        assert!(
            matches!(error, PackageError::Damaged(_)),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_flipped_bit_is_never_loaded_as_what_was_signed() {
    let bytes = sign(&whole(), &SigningKey::generate()).unwrap();
    let good = read(&bytes).unwrap();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            let Ok(package) = read(&flipped) else {
                continue;
            };
            let signers = TrustPolicy::default().check(&package);
            let is_harmless = package.component == good.component
                && package.index == good.index
                && package.manifest_toml == good.manifest_toml;
            // Such as a flipped time stamp in a header, or a signature that no longer holds.
            assert!(is_harmless || signers.is_err(), "{position}.{bit}");
            assert_ne!(package.digest, good.digest);
        }
    }
}

#[test]
fn other_entries_and_paths_are_refused() {
    for name in [
        "../plugin.wasm",
        "../../etc/cron.d/x",
        "/etc/passwd",
        "C:\\x",
        "..\\x",
        "./plugin.wasm",
        "a/plugin.wasm",
        "PLUGIN.WASM",
        "plugin.wasm\0",
        "extra",
        "",
    ] {
        refused(
            &with_entry(name, b"x", deflated()),
            "is in it; there are only",
        );
    }
    // As a replacement for a wanted entry, so that the number of entries is right.
    let mut swapped = whole();
    replace_all(&mut swapped, b"README.md", b"../../x.x");
    refused(&swapped, "`../../x.x` is in it");
}

#[test]
fn folders_links_encryption_and_other_methods_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_directory("LICENSE", deflated()).unwrap();
    refused(
        &writer.finish().unwrap().into_inner(),
        "is in it; there are only",
    );

    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .add_symlink("plugin.wasm", "/etc/passwd", deflated())
        .unwrap();
    let linked = writer.finish().unwrap().into_inner();
    refused(&linked, "is no plain file");

    let stored = deflated().compression_method(CompressionMethod::Stored);
    let plain = zip_of(&[("plugin.wasm", b"x", stored)]);
    refused(&plain, "in another way than deflate");

    // The first flag bit of both headers says that an entry is encrypted.
    let mut encrypted = zip_of(&[("plugin.wasm", b"x", deflated())]);
    encrypted[6] |= 1;
    let line = find(&encrypted, b"PK\x01\x02");
    encrypted[line + 8] |= 1;
    refused(&encrypted, "is encrypted");
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
        .unwrap()
}

#[test]
fn two_entries_of_one_name_are_refused() {
    // The writer refuses them, so one is renamed afterwards.
    let mut doubled = with_entry("plugin.wasn", b"other", deflated());
    replace_all(&mut doubled, b"plugin.wasn", b"plugin.wasm");
    refused(&doubled, "two entries of one name");
    let mut doubled = with_entry("plugin.tomm", b"other", deflated());
    replace_all(&mut doubled, b"plugin.tomm", b"plugin.toml");
    refused(&doubled, "two entries of one name");
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    // A size of its own, so that only this one is changed.
    let mut bomb = changed(|entries| {
        entries.insert(COMPONENT, vec![0; 123_457]);
    });
    let told = MAX_COMPONENT_BYTES as u32 + 1;
    replace_all(&mut bomb, &123_457_u32.to_le_bytes(), &told.to_le_bytes());
    refused(&bomb, "`plugin.wasm` has 268435457 bytes unpacked");
    let bomb = changed(|entries| {
        entries.insert(README, vec![b' '; 2 << 20]);
    });
    refused(&bomb, "`README.md` has 2097152 bytes unpacked");

    let many: Vec<String> = (0..1_000).map(|number| format!("entry-{number}")).collect();
    let many: Vec<_> = many
        .iter()
        .map(|name| (name.as_str(), b"".as_slice(), deflated()))
        .collect();
    refused(&zip_of(&many), "it holds 1000 entries");
    refused(
        &[whole(), vec![0; MAX_PACKAGE_BYTES as usize]].concat(),
        "is the most",
    );
}

#[test]
fn a_lie_about_a_size_is_damage() {
    let content = vec![b'x'; 100_000];
    for told in [1_u32, 99_999, 100_001, 1_000_000] {
        let mut lying = changed(|entries| {
            entries.insert(README, content.clone());
        });
        let (from, to) = (100_000_u32.to_le_bytes(), told.to_le_bytes());
        replace_all(&mut lying, &from, &to);
        let message = read(&lying).unwrap_err().to_string();
        let is_damage = message.contains("is damaged: `README.md` ");
        assert!(is_damage, "{told}: {message}");
    }
    // The two headers disagree.
    let mut lying = whole();
    let line = find(&lying, b"PK\x01\x02");
    lying[22] ^= 1;
    refused(&lying, "damaged");
    lying[22] ^= 1;
    lying[line + 24] ^= 1;
    refused(&lying, "damaged");
}

#[test]
fn what_lies_outside_the_entries_is_refused() {
    let bytes = whole();
    refused(&[b"#!/bin/sh\n".as_slice(), &bytes].concat(), "damaged");
    refused(&[&bytes, b"more".as_slice()].concat(), "damaged");
    refused(&[bytes.clone(), bytes].concat(), "damaged");
    refused(b"PK", "damaged");
    refused(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "damaged");
    refused(b"\0asm", "damaged");

    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("plugin.wasm", deflated()).unwrap();
    writer.set_comment("a comment").unwrap();
    refused(&writer.finish().unwrap().into_inner(), "damaged");
}

#[test]
fn an_entry_that_the_directory_does_not_name_is_refused() {
    // The last line of the directory is taken out, and the end says so; its entry stays.
    let mut bytes = whole();
    let lines: Vec<usize> = (0..bytes.len() - 4)
        .filter(|start| bytes[*start..].starts_with(b"PK\x01\x02"))
        .collect();
    let (last, end) = (*lines.last().unwrap(), bytes.len() - 22);
    let size = (last - lines[0]) as u32;
    bytes.drain(last..end);
    let end = bytes.len() - 22;
    let count = (lines.len() - 1) as u16;
    bytes[end + 8..end + 10].copy_from_slice(&count.to_le_bytes());
    bytes[end + 10..end + 12].copy_from_slice(&count.to_le_bytes());
    bytes[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
    refused(&bytes, "damaged");
}

#[test]
fn entries_and_index_must_agree() {
    refused(
        &changed(|entries| drop(entries.remove(INDEX))),
        "`inkplug.json` is missing",
    );
    refused(
        &changed(|entries| drop(entries.remove(COMPONENT))),
        "lists `plugin.wasm`, which is not in it",
    );
    refused(
        &changed(|entries| drop(entries.remove(README))),
        "lists `README.md`, which is not in it",
    );
    refused(
        &changed(|entries| {
            entries.insert(COMPONENT, b"\0asm exchanged".to_vec());
        }),
        "`plugin.wasm` is not what inkplug.json says",
    );
    refused(
        &changed(|entries| {
            entries.insert(INDEX, b"{}".to_vec());
        }),
        "inkplug.json: missing field",
    );
    refused(
        &changed(|entries| {
            entries.insert(SIGNATURES, b"[{}]".to_vec());
        }),
        "signature.json: missing field",
    );
    let not_listed = pack(&Contents {
        readme: None,
        ..contents()
    });
    let mut entries = archive::read(&not_listed.unwrap()).unwrap();
    entries.insert(README, b"smuggled in".to_vec());
    refused(
        &archive::write(&entries).unwrap(),
        "`README.md` is in it, but inkplug.json does not list it",
    );
    let no_text = changed(|entries| {
        let content = vec![0xff, 0xfe];
        let index = String::from_utf8(entries[INDEX].clone()).unwrap();
        let mut index: serde_json::Value = serde_json::from_str(&index).unwrap();
        index["entries"][README] = serde_json::to_value(Entry::of(&content)).unwrap();
        entries.insert(INDEX, index.to_string().into_bytes());
        entries.insert(README, content);
    });
    refused(&no_text, "`README.md` is no text in UTF-8");
}

#[test]
fn a_later_format_says_which_engine_reads_it() {
    let later = changed(|entries| {
        let index = r#"{ "format": 2, "engine": "0.9.0", "shape": "new" }"#;
        entries.insert(INDEX, index.as_bytes().to_vec());
    });
    refused(
        &later,
        "the package has format 2, and this engine reads up to 1; it needs Inkstone 0.9.0 or later",
    );
}

#[test]
fn a_signature_of_another_package_does_not_hold() {
    let key = SigningKey::generate();
    let other = Contents {
        version: "1.3.0",
        ..contents()
    };
    let signed = archive::read(&sign(&whole(), &key).unwrap()).unwrap();
    let mut entries = archive::read(&pack(&other).unwrap()).unwrap();
    entries.insert(SIGNATURES, signed[SIGNATURES].clone());
    let package = read(&archive::write(&entries).unwrap()).unwrap();
    let reason = TrustPolicy::default().check(&package).unwrap_err();
    assert!(reason.to_string().contains("is not valid"), "{reason}");
}
