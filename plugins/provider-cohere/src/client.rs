//! The configured server: how to reach it, and what the admin set.

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
        let upstream = Upstream::new(
            &settings.base_url,
            &settings.credential,
            settings.timeout_ms,
        )?;
        Ok(Self { upstream, settings })
    }
}
