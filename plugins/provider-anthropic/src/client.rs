//! The configured server: how to reach it, and what the admin set about it.

use inkstone_plugin::Result;
use provider_wire::upstream::Upstream;

use crate::settings::Settings;

/// The version of the API that [`crate::wire`] is written after.
const API_VERSION: &str = "2023-06-01";

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
            without_version(&settings.base_url),
            &settings.credential,
            settings.timeout_ms,
        )?
        .header("anthropic-version", API_VERSION);
        Ok(Self { upstream, settings })
    }
}

/// Both spellings of an address are in use, with and without `/v1`; the paths here hold it.
fn without_version(base_url: &str) -> &str {
    let address = base_url.trim().trim_end_matches('/');
    address.strip_suffix("/v1").unwrap_or(address)
}
