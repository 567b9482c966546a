//! Manifests: `plugin.toml` as an author writes it, and the JSON that travels in a component; and the
//! file of trusted keys, which is read by the same parser. What was read is written and read again.
#![no_main]

use inkstone_config::{manifest, plugin_keys};
use inkstone_domain::plugin::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(read) = serde_json::from_slice::<Manifest>(data) {
        let written = serde_json::to_vec(&read).expect("a manifest can be written as JSON");
        let again: Manifest = serde_json::from_slice(&written).expect("and read again");
        assert_eq!(again, read);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = plugin_keys::parse(text, "plugin-keys.toml");
    let Ok(read) = manifest::parse(text, "plugin.toml") else {
        return;
    };
    let written = manifest::write(&read).expect("what came from TOML can be written as TOML");
    match manifest::parse(&written, "written") {
        Ok(again) => assert_eq!(again, read),
        Err(error) => panic!("{error}\n{written}"),
    }
});
