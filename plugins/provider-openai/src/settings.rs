//! What the admin can set. The defaults agree with `[settings.schema]` of `plugin.toml`, which a test checks.

use inkstone_plugin::Result;
use provider_wire::fields::ROUTING;
use provider_wire::openai::{Dialect, KeyCheck, LocalSampling, Options, Server, Thoughts};
use provider_wire::upstream::Upstream;
use serde::Deserialize;

/// The settings, checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct Settings {
    pub base_url: String,
    /// Empty is none.
    pub credential: String,
    /// Empty is none.
    pub organization: String,
    pub models: Vec<String>,
    pub embedding_models: Vec<String>,
    pub rerank_models: Vec<String>,
    pub dialect: DialectSetting,
    pub local_sampling: LocalSamplingSetting,
    pub allow_routing: bool,
    pub include_usage: bool,
    pub embedding_batch_size: usize,
    pub timeout_ms: u32,
}

/// `dialect` as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(serde::Serialize))]
pub enum DialectSetting {
    Auto,
    Openai,
    Compatible,
}

/// `local_sampling` as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(serde::Serialize))]
pub enum LocalSamplingSetting {
    Auto,
    Send,
    Drop,
    Refuse,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".to_owned(),
            credential: "openai".to_owned(),
            organization: String::new(),
            models: Vec::new(),
            embedding_models: Vec::new(),
            rerank_models: Vec::new(),
            dialect: DialectSetting::Auto,
            local_sampling: LocalSamplingSetting::Auto,
            allow_routing: false,
            include_usage: true,
            embedding_batch_size: 256,
            timeout_ms: 120_000,
        }
    }
}

impl Settings {
    /// The settings the host holds for this plugin.
    pub fn load() -> Result<Self> {
        inkstone_plugin::settings::get()
    }

    /// The server they name.
    pub fn server(self) -> Result<Server> {
        let mut upstream = Upstream::new(&self.base_url, &self.credential, self.timeout_ms)?;
        if !self.organization.is_empty() {
            upstream = upstream.header("openai-organization", &self.organization);
        }
        let options = Options {
            dialect: self.dialect(),
            local_sampling: self.local_sampling(),
            thoughts: Thoughts::LeftOut,
            key_check: KeyCheck::Models,
            routing: match self.allow_routing {
                true => &[],
                false => ROUTING,
            },
            include_usage: self.include_usage,
            models: self.models,
            embedding_models: self.embedding_models,
            rerank_models: self.rerank_models,
            embedding_batch_size: self.embedding_batch_size,
        };
        Ok(Server { upstream, options })
    }

    /// The dialect, decided by the host's name where `auto` is set.
    fn dialect(&self) -> Dialect {
        match self.dialect {
            DialectSetting::Openai => Dialect::OpenAi,
            DialectSetting::Compatible => Dialect::Compatible,
            DialectSetting::Auto if is_openai(host_of(&self.base_url)) => Dialect::OpenAi,
            DialectSetting::Auto => Dialect::Compatible,
        }
    }

    /// What to do with the sampling fields of local runtimes, decided by the dialect where `auto` is set.
    fn local_sampling(&self) -> LocalSampling {
        match self.local_sampling {
            LocalSamplingSetting::Send => LocalSampling::Send,
            LocalSamplingSetting::Drop => LocalSampling::Drop,
            LocalSamplingSetting::Refuse => LocalSampling::Refuse,
            LocalSamplingSetting::Auto => match self.dialect() {
                Dialect::OpenAi => LocalSampling::Refuse,
                Dialect::Compatible | Dialect::Mistral => LocalSampling::Send,
            },
        }
    }
}

fn is_openai(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "openai.com" || host.ends_with(".openai.com") || host.ends_with(".openai.azure.com")
}

/// The host of an address: what stands between `://` and the next `/` or `:`.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let end = rest.find(['/', ':', '?']).unwrap_or(rest.len());
    &rest[..end]
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
    fn auto_tells_openai_by_its_host() {
        for (base_url, want) in [
            ("https://api.openai.com/v1", Dialect::OpenAi),
            ("https://eu.api.openai.com/v1", Dialect::OpenAi),
            ("https://me.openai.azure.com/openai/v1", Dialect::OpenAi),
            ("https://notopenai.com/v1", Dialect::Compatible),
            ("http://127.0.0.1:8080/v1", Dialect::Compatible),
            ("https://example.org/api.openai.com", Dialect::Compatible),
        ] {
            let settings = Settings {
                base_url: base_url.to_owned(),
                ..Settings::default()
            };
            assert_eq!(settings.dialect(), want, "{base_url}");
        }
    }
}
