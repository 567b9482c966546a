//! Bad configurations: every folder of `tests/bad` holds one file that must be refused and, in
//! `error.txt`, the words with which it is. `UPDATE_EXPECT=1 cargo test -p inkstone-config` writes them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use inkstone_config::{ConfigError, EngineConfig, manifest, plugins, prices};

fn refused(folder: &Path) -> Option<ConfigError> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    if let Some(text) = read("engine.toml") {
        return EngineConfig::parse(&text, "engine.toml", std::iter::empty(), &[]).err();
    }
    if let Some(text) = read("plugins.toml") {
        return plugins::parse(&text, "plugins.toml", Path::new("dist"), 3).err();
    }
    if let Some(text) = read("prices.toml") {
        return prices::parse(&text, "prices.toml").err();
    }
    let text = read("plugin.toml").unwrap();
    manifest::parse(&text, "plugin.toml").err()
}

#[test]
fn bad_configurations_are_refused_with_place_and_help() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 20, "the fixtures are gone");
    for folder in folders {
        let error = refused(&folder).unwrap_or_else(|| panic!("{} was accepted", folder.display()));
        expect_file![folder.join("error.txt")].assert_eq(&format!("{error}\n"));
    }
}
