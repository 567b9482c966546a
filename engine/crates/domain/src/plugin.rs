//! Plugins: what an author declares, what an admin grants, and what a loaded plugin can do.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::{Effective, Grants, Permissions};
use crate::ports::{Analytics, Generator, Provider, Research};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    Provider,
    Generator,
    Research,
    Analytics,
}

impl PluginKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Generator => "generator",
            Self::Research => "research",
            Self::Analytics => "analytics",
        }
    }
}

/// What `plugin.toml` says; it travels inside the component, as JSON in the custom section [`MANIFEST_SECTION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `[a-z][a-z0-9-]*`, by custom `<kind>-<name>`.
    pub id: String,
    pub name: String,
    /// Semantic version.
    pub version: String,
    pub kind: PluginKind,
    /// Version of the contract it was built for, such as `0.1.0`.
    pub api: String,
    #[serde(default)]
    pub authors: Vec<String>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub license: String,
    #[serde(default)]
    pub repository: String,
    #[serde(default)]
    pub permissions: Permissions,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub settings: SettingsDeclaration,
}

/// Custom section of a component that carries its [`Manifest`] as JSON.
pub const MANIFEST_SECTION: &str = "inkstone:manifest";
/// Custom section in which the SDK stamps the contract's version, as UTF-8 text.
pub const API_SECTION: &str = "inkstone:api-version";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsDeclaration {
    /// JSON Schema of the settings; absent means there are none.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// Bounds of one call. `None` is the host's default; the smaller of manifest, admin and ceiling holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Over all memories and tables of the instance together, MiB.
    #[serde(default)]
    pub memory_mib: Option<u32>,
    /// Wall clock of one call, waits included, milliseconds. For a stream it bounds each pull.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// Computing time of one call, milliseconds. For a stream it bounds each pull.
    #[serde(default)]
    pub cpu_ms: Option<u64>,
    /// Everything a guest hands back in one call, MiB.
    #[serde(default)]
    pub max_response_mib: Option<u32>,
}

/// One `[[plugin]]` of `config/plugins.toml`, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginSpec {
    pub id: String,
    /// The component file.
    pub path: PathBuf,
    pub enabled: bool,
    pub grants: Grants,
    pub limits: Limits,
    /// Checked against the manifest's schema when the plugin is prepared.
    pub settings: Value,
}

/// What a plugin can do, as callable ports.
#[derive(Clone)]
pub enum PluginBody {
    Provider(Arc<dyn Provider>),
    Generator(Arc<dyn Generator>),
    Research(Arc<dyn Research>),
    Analytics(Arc<dyn Analytics>),
}

/// A plugin that is ready to serve. Whoever calls it holds the `Arc` until the call ends.
pub struct LoadedPlugin {
    pub manifest: Manifest,
    /// SHA-256 of the component, hex.
    pub digest: String,
    pub effective: Effective,
    /// Asked by the manifest and not granted, in words.
    pub refused: Vec<String>,
    pub body: PluginBody,
}

impl std::fmt::Debug for LoadedPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "LoadedPlugin({} {})",
            self.manifest.id, self.manifest.version
        )
    }
}
