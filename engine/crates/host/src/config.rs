//! What the host is told when it is made: sizes, default and highest limits, and the ports that
//! imports lead to. Nothing here reads a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::capability::PowerCeiling;
use inkstone_domain::plugin::{Limits, PluginKind};
use inkstone_domain::ports::{Clock, Egress, LocalModels, PluginKv};

/// Sizes and limits. `HostConfig::default()` runs as it is.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled components are kept; it belongs to the host alone. `None` compiles at every start.
    pub cache_dir: Option<PathBuf>,
    /// Instances that may live at the same time; one more is answered with `overloaded`.
    pub max_instances: u32,
    /// How often a running guest is looked at.
    pub epoch_tick: Duration,
    /// Bounds where neither manifest nor admin says anything. What is `None` here is the kind's own default.
    pub default_limits: Limits,
    /// No plugin gets more than this. What is `None` here is the built-in ceiling.
    pub ceiling: Limits,
    /// No plugin of this deployment has more power than this.
    pub power_ceiling: PowerCeiling,
    pub log: LogCaps,
    /// Bytes of one response body that a guest may read.
    pub max_http_body_bytes: u64,
    /// Stack of a guest, in bytes.
    pub max_stack_bytes: usize,
}

/// What one call may write into the log.
#[derive(Debug, Clone, Copy)]
pub struct LogCaps {
    pub lines: u32,
    pub bytes: u32,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            max_instances: 256,
            epoch_tick: Duration::from_millis(10),
            default_limits: Limits::default(),
            ceiling: Limits::default(),
            power_ceiling: PowerCeiling::default(),
            log: LogCaps {
                lines: 256,
                bytes: 64 << 10,
            },
            max_http_body_bytes: 256 << 20,
            max_stack_bytes: 1 << 20,
        }
    }
}

impl HostConfig {
    /// The built-in ceiling, lowered or raised by the admin's.
    pub(crate) fn ceiling(&self) -> Limits {
        Limits {
            memory_mib: self.ceiling.memory_mib.or(Some(1024)),
            deadline_ms: self.ceiling.deadline_ms.or(Some(15 * 60_000)),
            cpu_ms: self.ceiling.cpu_ms.or(Some(120_000)),
            max_response_mib: self.ceiling.max_response_mib.or(Some(64)),
            ..self.ceiling
        }
    }

    /// What a plugin of this kind gets where nobody says anything.
    pub(crate) fn defaults(&self, kind: PluginKind) -> Limits {
        let own = match kind {
            // Bounds each pull: the wait for one chunk of a slow upstream, and next to no work.
            PluginKind::Provider => (128, 120_000, 2_000, 16),
            // A pull may wait for a whole section of a slow model.
            PluginKind::Generator => (128, 600_000, 10_000, 16),
            // Fetches, then parses pages.
            PluginKind::Research => (128, 60_000, 10_000, 16),
            PluginKind::Analytics => (128, 60_000, 10_000, 16),
        };
        let (memory_mib, deadline_ms, cpu_ms, max_response_mib) = own;
        let set = &self.default_limits;
        Limits {
            memory_mib: set.memory_mib.or(Some(memory_mib)),
            deadline_ms: set.deadline_ms.or(Some(deadline_ms)),
            cpu_ms: set.cpu_ms.or(Some(cpu_ms)),
            max_response_mib: set.max_response_mib.or(Some(max_response_mib)),
            ..*set
        }
    }
}

/// Where imports lead.
#[derive(Clone)]
pub struct HostPorts {
    pub egress: Arc<dyn Egress>,
    pub models: Arc<dyn LocalModels>,
    pub kv: Arc<dyn PluginKv>,
    pub clock: Arc<dyn Clock>,
}
