//! The configured server: how to reach it, and which words it understands.

use inkstone_plugin::Result;
use provider_wire::upstream::Upstream;

use crate::settings::Settings;

/// A server and what the admin set about it.
pub struct Client {
    pub upstream: Upstream,
    pub settings: Settings,
}

impl Client {
    /// The server that the settings name.
    pub fn from_settings() -> Result<Self> {
        let settings = Settings::load()?;
        let mut upstream = Upstream::new(
            &settings.base_url,
            &settings.credential,
            settings.timeout_ms,
        )?;
        if !settings.organization.is_empty() {
            upstream = upstream.header("openai-organization", &settings.organization);
        }
        Ok(Self { upstream, settings })
    }
}
