//! Plugins: what an author declares, what an admin grants, and what a loaded plugin can do.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::{Effective, Grants, Permissions};
use crate::money::PriceTable;
use crate::ports::{Analytics, Generator, Probe, Provider, Research, Subscriber};
use crate::recording::RecordWish;

mod source;
mod stats;

pub use source::RemoteSource;
pub use stats::{CallEnd, Latencies, PluginStats, StatsSnapshot};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    Provider,
    Generator,
    Research,
    Analytics,
    Subscriber,
}

impl PluginKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Generator => "generator",
            Self::Research => "research",
            Self::Analytics => "analytics",
            Self::Subscriber => "subscriber",
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
    /// Of a provider: what its models cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceTable>,
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

/// Bounds of a plugin's calls. `None` is the host's default; the smaller of manifest, admin and ceiling holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Over all memories and tables of the instance together, MiB.
    pub memory_mib: Option<u32>,
    /// Wall clock of one plain call, waits inside imports included, milliseconds.
    pub deadline_ms: Option<u64>,
    /// Of a stream: from its start to its first item, milliseconds.
    pub first_item_ms: Option<u64>,
    /// Of a stream: between two items, milliseconds.
    pub idle_ms: Option<u64>,
    /// Of a stream: from its start to its end, milliseconds.
    pub stream_ms: Option<u64>,
    /// Computing time of one call, milliseconds. For a stream it bounds each pull.
    pub cpu_ms: Option<u64>,
    /// Everything a guest hands over in one call or import, MiB. For a stream it bounds each item.
    pub max_response_mib: Option<u32>,
    /// Imports one call may make. For a stream it bounds the whole of it.
    pub max_host_calls: Option<u32>,
    /// Bodies and streams a call may hold open at once.
    pub max_open: Option<u32>,
    /// Lines one call may write into the log.
    pub max_log_lines: Option<u32>,
    /// Text one call may write into the log, KiB.
    pub max_log_kib: Option<u32>,
    /// Calls that run at the same time; streams count until they end.
    pub max_concurrent: Option<u32>,
    /// Calls that wait beyond `max_concurrent`; one more is refused with `plugin_busy`.
    pub max_queued: Option<u32>,
}

/// One `[[plugin]]` of `config/plugins.toml`, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginSpec {
    pub id: String,
    /// The component or package. What comes from elsewhere is put here first.
    pub path: PathBuf,
    /// Where the package comes from if `path` is not there; `None` for a file of this machine.
    pub remote: Option<RemoteSource>,
    pub enabled: bool,
    pub grants: Grants,
    pub limits: Limits,
    /// Checked against the manifest's schema when the plugin is prepared.
    pub settings: Value,
    /// A second version beside the first.
    pub rollout: Option<Rollout>,
    /// The version that may serve with less than it asks for.
    pub consent: Option<String>,
    /// Share of calls that are recorded, 0 to 1.
    pub record_share: f64,
    /// E-mail of the account in whose name a subscriber asks models and searches: nobody called it.
    pub run_as: Option<String>,
}

impl PluginSpec {
    /// An enabled plugin of this machine with no grants and nothing set.
    pub fn new(id: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            id: id.into(),
            path: path.into(),
            remote: None,
            enabled: true,
            grants: Grants::default(),
            limits: Limits::default(),
            settings: Value::Object(serde_json::Map::new()),
            rollout: None,
            consent: None,
            record_share: 0.0,
            run_as: None,
        }
    }
}

/// What a package says about itself, found without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageInfo {
    pub manifest: Manifest,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// SHA-256 of the whole file, hex; the component's own where it comes alone.
    pub package_digest: String,
    pub format: PackageFormat,
    /// Who signed it, valid signatures only.
    pub signed_by: Vec<Signer>,
}

impl PackageInfo {
    /// The file name it gets in the folder of plugins: `ID-VERSION.inkplug`, or `.wasm`.
    pub fn file_name(&self) -> String {
        let Manifest { id, version, .. } = &self.manifest;
        format!("{id}-{version}.{}", self.format.extension())
    }
}

/// How a plugin is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageFormat {
    /// A component and what belongs to it, in one file.
    Package,
    /// The component alone.
    Component,
}

impl PackageFormat {
    /// Without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Package => "inkplug",
            Self::Component => "wasm",
        }
    }
}

/// A key that signed a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// Names the key: 16 hex digits.
    pub key_id: String,
    /// `ed25519:` and base64.
    pub public_key: String,
    /// Under which the key is trusted, if it is.
    pub name: Option<String>,
    pub standing: Standing,
}

/// What an engine thinks of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Trusted,
    /// Neither trusted nor revoked.
    Unknown,
    /// Its signatures count for nothing.
    Revoked,
}

/// Two versions of one plugin at once: the one of the spec (stable), and a canary.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// Version the canary's manifest must have.
    pub canary: String,
    /// Its component or package.
    pub path: PathBuf,
    /// Share of calls the canary gets before the first step, 0 to 1.
    pub share: f64,
    pub sticky: Sticky,
    /// One after the other; empty leaves the share as it is.
    pub steps: Vec<RolloutStep>,
    pub guard: RolloutGuard,
}

/// What decides which version a call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sticky {
    /// The same user gets the same version as long as the share does not shrink.
    User,
    /// Every call anew.
    Random,
}

/// The canary gets `share` once it has been good for `good_minutes` at the share before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RolloutStep {
    pub share: f64,
    pub good_minutes: u32,
}

/// When a canary is worse than the stable version.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RolloutGuard {
    /// Calls of the canary below which nothing is decided.
    pub min_calls: u64,
    /// How much higher the canary's error rate may be, 0 to 1.
    pub error_margin: f64,
    /// How many times as long the canary's p95 may take.
    pub latency_ratio: f64,
}

impl Default for RolloutGuard {
    fn default() -> Self {
        Self {
            min_calls: 50,
            error_margin: 0.02,
            latency_ratio: 1.5,
        }
    }
}

/// What a plugin can do, as callable ports.
#[derive(Clone)]
pub enum PluginBody {
    Provider(Arc<dyn Provider>),
    Generator(Arc<dyn Generator>),
    Research(Arc<dyn Research>),
    Analytics(Arc<dyn Analytics>),
    Subscriber(Arc<dyn Subscriber>),
}

/// A plugin that is ready to serve. Whoever calls it holds the `Arc` until the call ends.
pub struct LoadedPlugin {
    pub manifest: Manifest,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// SHA-256 of the file it came as, hex.
    pub package_digest: String,
    pub format: PackageFormat,
    /// Who signed the file, as it stood when the plugin was loaded.
    pub signed_by: Vec<Signer>,
    pub effective: Effective,
    /// Asked by the manifest and not granted, in words.
    pub refused: Vec<String>,
    /// What became of its calls since it was loaded.
    pub stats: Arc<PluginStats>,
    /// Which of its calls are recorded.
    pub recording: Arc<RecordWish>,
    pub body: PluginBody,
    pub probe: Arc<dyn Probe>,
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
