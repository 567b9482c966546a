//! What all calls of one loaded plugin share. Made once when the plugin is prepared, never changed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use inkstone_domain::capability::Effective;
use inkstone_domain::plugin::{Manifest, PluginKind, PluginStats};
use inkstone_domain::ports::GuestCall;
use inkstone_domain::recording::RecordWish;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasmtime::Engine;

use crate::config::HostPorts;
use crate::gate::{Gate, Pools};
use crate::lane::{Lane, Pace};
use crate::limits::CallLimits;
use crate::observe::{Gauges, TapeHead};
use crate::tape::Tape;
use crate::ticker::Ticker;

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
    pub max_http_body_bytes: u64,
    pub stats: Arc<PluginStats>,
    pub gauges: Arc<Gauges>,
    pub gate: Gate,
    pub pace: Arc<Pace>,
    /// Which calls are recorded.
    pub recording: Arc<RecordWish>,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// Ends what is still under way once another version has taken over and the grace period is over.
    pub retired: CancellationToken,
    /// Set once where this plugin only runs a recording again.
    replay: OnceLock<Arc<Tape>>,
    /// Every task that runs a guest.
    pub tasks: TaskTracker,
    /// Without ticks no guest is interrupted, so it lives as long as anything that can be called.
    pub ticker: Arc<Ticker>,
}

/// What [`Plugin::new`] takes besides the manifest.
pub(crate) struct Surroundings {
    pub engine: Engine,
    pub effective: Effective,
    pub limits: CallLimits,
    pub settings: String,
    pub ports: HostPorts,
    pub max_http_body_bytes: u64,
    pub stats: Arc<PluginStats>,
    pub recording: Arc<RecordWish>,
    pub digest: String,
    pub pools: Pools,
    pub lane: Lane,
    /// Places of the pool that one instance takes.
    pub weight: u32,
    pub tasks: TaskTracker,
    pub ticker: Arc<Ticker>,
}

impl Plugin {
    pub fn new(manifest: &Manifest, around: Surroundings) -> Self {
        let gauges = Arc::new(Gauges::new(&manifest.id, &manifest.version));
        let gate = Gate::new(
            manifest.kind,
            &around.limits,
            &around.pools,
            around.weight,
            around.stats.clone(),
            gauges.clone(),
        );
        Self {
            gate,
            pace: Arc::new(Pace::new(around.lane)),
            gauges,
            stats: around.stats,
            recording: around.recording,
            digest: around.digest,
            retired: CancellationToken::new(),
            replay: OnceLock::new(),
            id: manifest.id.as_str().into(),
            kind: manifest.kind,
            version: manifest.version.clone(),
            label: format!("{} {}", manifest.id, manifest.version),
            engine: around.engine,
            effective: around.effective,
            limits: around.limits,
            settings: around.settings,
            ports: around.ports,
            max_http_body_bytes: around.max_http_body_bytes,
            tasks: around.tasks,
            ticker: around.ticker,
        }
    }

    /// Lets calls go on for `grace`, and no longer.
    pub fn retire(&self, grace: Duration) {
        let retired = self.retired.clone();
        // Not tracked: an engine that stops need not wait for it.
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            retired.cancel();
        });
    }

    /// From now on calls run against this tape.
    pub fn replay(&self, tape: Arc<Tape>) {
        // It is armed once, by the one who made the plugin for it.
        let _ = self.replay.set(tape);
    }

    /// The tape for one call, where it has one.
    pub fn tape(
        &self,
        function: &'static str,
        call: &GuestCall,
        arguments: &impl Serialize,
    ) -> Option<(Arc<Tape>, TapeHead)> {
        if let Some(tape) = self.replay.get() {
            let head = TapeHead::new(function, call, arguments, false);
            return Some((tape.clone(), head));
        }
        if !self.recording.wants(rand::random) {
            return None;
        }
        let head = TapeHead::new(function, call, arguments, true);
        Some((Arc::new(Tape::recording()), head))
    }
}
