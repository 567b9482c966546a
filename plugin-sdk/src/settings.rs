//! What the admin set for this plugin, as a type of the plugin's own.

use serde::de::DeserializeOwned;

use crate::{ErrorKind, Result, host, json};

/// The settings. Give every field a `#[serde(default)]` that agrees with `[settings.schema]` in the manifest.
pub fn get<T: DeserializeOwned>() -> Result<T> {
    let text = host::settings::get();
    json::read(&text, ErrorKind::Internal, "the plugin's settings")
}
