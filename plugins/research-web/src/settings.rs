//! What the admin may set; the defaults agree with `[settings.schema]` in `plugin.toml`.

use inkstone_plugin::Result;
use serde::Deserialize;

/// How to ask web sites.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Empty for the host's own.
    pub user_agent: String,
    /// Empty for none.
    pub accept_language: String,
}

impl Settings {
    /// As the host has them.
    pub fn load() -> Result<Self> {
        inkstone_plugin::settings::get()
    }
}
