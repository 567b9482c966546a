//! What the admin may set; the defaults agree with `[settings.schema]` in `plugin.toml`.

use inkstone_plugin::Result;
use serde::Deserialize;

/// Values for what a caller leaves open.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub max_tokens: u32,
    pub temperature: f32,
    pub top_p: f32,
    pub repeat_penalty: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_tokens: 512,
            temperature: 0.2,
            top_p: 0.9,
            repeat_penalty: 1.1,
        }
    }
}

impl Settings {
    /// As the host has them.
    pub fn load() -> Result<Self> {
        inkstone_plugin::settings::get()
    }
}
