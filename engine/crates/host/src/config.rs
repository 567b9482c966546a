//! What the host is told when it is made: sizes, default and highest limits, and the ports that
//! imports lead to. Nothing here reads a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::capability::PowerCeiling;
use inkstone_domain::plugin::{Limits, PluginKind};
use inkstone_domain::ports::{Clock, Egress, LocalModels, PluginKv, RecordingSink};

use crate::cache::CacheKey;
use crate::trust::TrustSource;

/// Sizes and limits. `HostConfig::default()` runs as it is.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled components are kept; it belongs to the host alone. `None` compiles at every start.
    pub cache_dir: Option<PathBuf>,
    /// Without it, what is in `cache_dir` is trusted only within this process.
    pub cache_key: Option<CacheKey>,
    /// Of all compiled components together; the longest unused go first, when the host is made.
    pub cache_max_bytes: u64,
    /// Instances of providers that may live at the same time, and half as many of research tools, and
    /// of generators, analytics and subscribers together. A call beyond waits.
    pub max_instances: u32,
    /// How often a running guest is looked at.
    pub epoch_tick: Duration,
    /// Bounds where neither manifest nor admin says anything. What is `None` here is the kind's own default.
    pub default_limits: Limits,
    /// No plugin gets more than this. What is `None` here is the built-in ceiling.
    pub ceiling: Limits,
    /// No plugin of this deployment has more power than this.
    pub power_ceiling: PowerCeiling,
    /// Whose plugins are loaded.
    pub trust: TrustSource,
    /// Bytes of one response body that a guest may read.
    pub max_http_body_bytes: u64,
    /// Stack of a guest, in bytes.
    pub max_stack_bytes: usize,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_key: None,
            cache_max_bytes: 2 << 30,
            max_instances: 1_024,
            epoch_tick: Duration::from_micros(500),
            default_limits: Limits::default(),
            ceiling: Limits::default(),
            power_ceiling: PowerCeiling::default(),
            trust: TrustSource::default(),
            max_http_body_bytes: 256 << 20,
            max_stack_bytes: 1 << 20,
        }
    }
}

impl HostConfig {
    /// The built-in ceiling, lowered or raised by the admin's.
    pub(crate) fn ceiling(&self) -> Limits {
        over(
            &self.ceiling,
            &Limits {
                memory_mib: Some(1024),
                deadline_ms: Some(15 * 60_000),
                first_item_ms: Some(15 * 60_000),
                idle_ms: Some(15 * 60_000),
                stream_ms: Some(2 * 3_600_000),
                cpu_ms: Some(120_000),
                max_response_mib: Some(64),
                max_host_calls: Some(10_000_000),
                max_open: Some(10_000),
                max_log_lines: Some(10_000),
                max_log_kib: Some(4 << 10),
                max_concurrent: Some(self.max_instances),
                max_queued: Some(100_000),
            },
        )
    }

    /// What a plugin of this kind gets where nobody says anything.
    pub(crate) fn defaults(&self, kind: PluginKind) -> Limits {
        let minute_ms = 60_000;
        let (deadline_ms, stream_ms, cpu_ms, concurrent) = match kind {
            // A slow upstream may take its time for a chunk, and there is next to no work.
            PluginKind::Provider => (2 * minute_ms, 15 * minute_ms, 2_000, self.max_instances),
            // Between two items may lie a whole section of a slow model.
            PluginKind::Generator => (10 * minute_ms, 120 * minute_ms, 10_000, 64),
            // Fetches, then parses pages.
            PluginKind::Research => (minute_ms, minute_ms, 10_000, 64),
            PluginKind::Analytics => (minute_ms, minute_ms, 10_000, 64),
            // Told of one event after the other; more at a time only while another engine takes over.
            PluginKind::Subscriber => (minute_ms, minute_ms, 2_000, 4),
        };
        over(
            &self.default_limits,
            &Limits {
                memory_mib: Some(128),
                deadline_ms: Some(deadline_ms),
                first_item_ms: Some(deadline_ms),
                idle_ms: Some(deadline_ms),
                stream_ms: Some(stream_ms),
                cpu_ms: Some(cpu_ms),
                max_response_mib: Some(16),
                max_host_calls: Some(200_000),
                max_open: Some(256),
                max_log_lines: Some(256),
                max_log_kib: Some(64),
                max_concurrent: Some(concurrent),
                max_queued: Some(1_024),
            },
        )
    }
}

/// The first where it says something, else the second.
fn over(first: &Limits, second: &Limits) -> Limits {
    Limits {
        memory_mib: first.memory_mib.or(second.memory_mib),
        deadline_ms: first.deadline_ms.or(second.deadline_ms),
        first_item_ms: first.first_item_ms.or(second.first_item_ms),
        idle_ms: first.idle_ms.or(second.idle_ms),
        stream_ms: first.stream_ms.or(second.stream_ms),
        cpu_ms: first.cpu_ms.or(second.cpu_ms),
        max_response_mib: first.max_response_mib.or(second.max_response_mib),
        max_host_calls: first.max_host_calls.or(second.max_host_calls),
        max_open: first.max_open.or(second.max_open),
        max_log_lines: first.max_log_lines.or(second.max_log_lines),
        max_log_kib: first.max_log_kib.or(second.max_log_kib),
        max_concurrent: first.max_concurrent.or(second.max_concurrent),
        max_queued: first.max_queued.or(second.max_queued),
    }
}

/// Where imports lead.
#[derive(Clone)]
pub struct HostPorts {
    pub egress: Arc<dyn Egress>,
    pub models: Arc<dyn LocalModels>,
    pub kv: Arc<dyn PluginKv>,
    pub clock: Arc<dyn Clock>,
    /// `None` keeps no recordings.
    pub recordings: Option<Arc<dyn RecordingSink>>,
}
