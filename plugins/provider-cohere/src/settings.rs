//! What the admin can set. The defaults agree with `[settings.schema]` of `plugin.toml`, which a test checks.

use inkstone_plugin::Result;
use serde::{Deserialize, Serialize};

/// The settings, checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(Serialize))]
pub struct Settings {
    pub base_url: String,
    /// Empty is none.
    pub credential: String,
    pub models: Vec<String>,
    pub embedding_models: Vec<String>,
    pub rerank_models: Vec<String>,
    pub input_type: InputType,
    /// Whether fields the API lacks are left out instead of refused.
    pub drop_unsupported: bool,
    pub embedding_batch_size: usize,
    pub timeout_ms: u32,
}

/// What texts are embedded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    SearchDocument,
    SearchQuery,
    Classification,
    Clustering,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://api.cohere.com".to_owned(),
            credential: "cohere".to_owned(),
            models: Vec::new(),
            embedding_models: Vec::new(),
            rerank_models: Vec::new(),
            input_type: InputType::SearchDocument,
            drop_unsupported: false,
            embedding_batch_size: 96,
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
        testing::settings(&serde_json::json!({"input_typ": "search_query"}));
        let error = Settings::load().unwrap_err();
        assert!(error.message.contains("input_typ"), "{}", error.message);
    }
}
