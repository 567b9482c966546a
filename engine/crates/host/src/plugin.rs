//! What all calls of one loaded plugin share. Made once when the plugin is prepared, never changed.

use std::sync::Arc;

use inkstone_domain::capability::Effective;
use inkstone_domain::plugin::{Manifest, PluginKind};
use tokio_util::task::TaskTracker;
use wasmtime::Engine;

use crate::config::{HostPorts, LogCaps};
use crate::engine::Ticker;
use crate::limits::CallLimits;

/// One plugin's identity, powers, bounds and surroundings.
pub(crate) struct Plugin {
    pub engine: Engine,
    pub id: Arc<str>,
    pub kind: PluginKind,
    pub version: String,
    /// `id version`, as messages name it.
    pub label: String,
    pub effective: Effective,
    pub limits: CallLimits,
    /// A JSON object, checked against the manifest's schema.
    pub settings: String,
    pub ports: HostPorts,
    pub log: LogCaps,
    pub max_http_body_bytes: u64,
    /// Every task that runs a guest.
    pub tasks: TaskTracker,
    /// Without ticks no guest is interrupted, so it lives as long as anything that can be called.
    _ticker: Arc<Ticker>,
}

/// What [`Plugin::new`] takes besides the manifest.
pub(crate) struct Surroundings {
    pub engine: Engine,
    pub effective: Effective,
    pub limits: CallLimits,
    pub settings: String,
    pub ports: HostPorts,
    pub log: LogCaps,
    pub max_http_body_bytes: u64,
    pub tasks: TaskTracker,
    pub ticker: Arc<Ticker>,
}

impl Plugin {
    pub fn new(manifest: &Manifest, around: Surroundings) -> Self {
        Self {
            id: manifest.id.as_str().into(),
            kind: manifest.kind,
            version: manifest.version.clone(),
            label: format!("{} {}", manifest.id, manifest.version),
            engine: around.engine,
            effective: around.effective,
            limits: around.limits,
            settings: around.settings,
            ports: around.ports,
            log: around.log,
            max_http_body_bytes: around.max_http_body_bytes,
            tasks: around.tasks,
            _ticker: around.ticker,
        }
    }
}
