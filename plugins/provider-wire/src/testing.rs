//! What the tests of every provider ask.

use serde_json::Value;

/// Panics where the defaults that a manifest declares are not those of the code.
pub fn assert_defaults_agree(manifest: &str, own: &Value) {
    let manifest: toml::Value = toml::from_str(manifest).expect("a manifest");
    let properties = manifest["settings"]["schema"]["properties"].as_table();
    let declared = properties
        .expect("properties")
        .iter()
        .map(|(name, property)| {
            let default = serde_json::to_value(&property["default"]).expect("a default");
            (name.clone(), default)
        });
    assert_eq!(&Value::Object(declared.collect()), own);
}
