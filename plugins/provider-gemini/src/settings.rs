//! What the admin can set. The defaults agree with `[settings.schema]` of `plugin.toml`, which a test checks.

use inkstone_plugin::Result;
use serde::Deserialize;

/// The settings, checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Settings {
    pub base_url: String,
    /// Empty is none.
    pub credential: String,
    pub models: Vec<String>,
    pub embedding_models: Vec<String>,
    pub include_thoughts: bool,
    pub drop_unsupported: bool,
    pub embedding_batch_size: usize,
    pub timeout_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://generativelanguage.googleapis.com/v1beta".to_owned(),
            credential: "gemini".to_owned(),
            models: Vec::new(),
            embedding_models: Vec::new(),
            include_thoughts: true,
            drop_unsupported: false,
            embedding_batch_size: 100,
            timeout_ms: 120_000,
        }
    }
}

impl Settings {
    /// The settings the host holds for this plugin.
    pub fn load() -> Result<Self> {
        let mut settings: Self = inkstone_plugin::settings::get()?;
        settings.embedding_batch_size = settings.embedding_batch_size.max(1);
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkstone_plugin::testing;
    use provider_wire::testing::assert_defaults_agree;

    #[test]
    fn nothing_set_is_the_default() {
        testing::reset();
        assert_eq!(Settings::load().unwrap(), Settings::default());
    }

    #[test]
    fn defaults_agree_with_the_manifest() {
        let own = serde_json::to_value(Settings::default()).unwrap();
        assert_defaults_agree(include_str!("../plugin.toml"), &own);
    }

    #[test]
    fn a_setting_nobody_knows_is_refused() {
        testing::reset();
        testing::settings(&serde_json::json!({"dialect": "auto"}));
        let error = Settings::load().unwrap_err();
        assert!(error.message.contains("dialect"), "{}", error.message);
    }
}
