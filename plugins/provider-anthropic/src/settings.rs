//! What the admin can set. The defaults agree with `[settings.schema]` of `plugin.toml`, which a test checks.

use inkstone_plugin::Result;
use serde::Deserialize;

/// The settings, checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Settings {
    pub base_url: String,
    /// Empty is none.
    pub credential: String,
    /// Empty asks the server.
    pub models: Vec<String>,
    /// For requests without a limit of their own.
    pub max_tokens: u32,
    /// Whether fields the API lacks are left out instead of refused.
    pub drop_unsupported: bool,
    pub timeout_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://api.anthropic.com".to_owned(),
            credential: "anthropic".to_owned(),
            models: Vec::new(),
            max_tokens: 4096,
            drop_unsupported: false,
            timeout_ms: 120_000,
        }
    }
}

impl Settings {
    /// The settings the host holds for this plugin.
    pub fn load() -> Result<Self> {
        inkstone_plugin::settings::get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkstone_plugin::ErrorKind;
    use inkstone_plugin::json::json;
    use inkstone_plugin::testing;
    use provider_wire::testing::assert_defaults_agree;

    #[test]
    fn nothing_set_is_the_default() {
        testing::reset();
        assert_eq!(Settings::load().unwrap(), Settings::default());
    }

    #[test]
    fn a_setting_nobody_knows_is_refused() {
        testing::reset();
        testing::settings(&json!({"max_token": 1}));
        let error = Settings::load().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Internal);
        assert!(error.message.contains("max_token"), "{}", error.message);
    }

    #[test]
    fn defaults_agree_with_the_manifest() {
        let own = serde_json::to_value(Settings::default()).unwrap();
        assert_defaults_agree(include_str!("../plugin.toml"), &own);
    }
}
