//! The data of one store: what the imports of one call work on. It lives and dies with the call.

use std::sync::Arc;
use std::time::Instant;

use inkstone_domain::plugin::PluginKind;
use inkstone_domain::ports::GuestCall;
use inkstone_domain::{Error, codes};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::limits::MemoryLimiter;
use crate::logbook::LogBook;
use crate::meter::Meter;
use crate::observe::Instruments;
use crate::plugin::Plugin;
use crate::tape::Tape;

/// One call's state.
pub(crate) struct CallState {
    pub plugin: Arc<Plugin>,
    pub call: GuestCall,
    pub meter: Arc<Meter>,
    /// Where the call is recorded or replayed.
    pub tape: Option<Arc<Tape>>,
    pub limiter: MemoryLimiter,
    /// Open bodies, generations and completions. Dropping it closes them.
    pub table: ResourceTable,
    pub log: Arc<LogBook>,
    pub began: Instant,
    /// The last error an import gave to the guest: where the guest hands it on, it keeps its own code.
    pub passing: Option<Error>,
    /// Made on first use: a plugin of the Rust SDK never asks for it.
    pub wasi: Option<WasiCtx>,
}

impl CallState {
    pub fn new(plugin: Arc<Plugin>, call: GuestCall, instruments: Instruments) -> Self {
        let limits = &plugin.limits;
        let Instruments { meter, tape } = instruments;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.open);
        Self {
            limiter: MemoryLimiter::new(limits.memory_bytes, meter.clone()),
            log: Arc::new(LogBook::new(plugin.id.clone(), limits.log)),
            table,
            call,
            meter,
            tape,
            began: Instant::now(),
            passing: None,
            wasi: None,
            plugin,
        }
    }

    /// `power_denied`, saying what to write where. `grant` is the line, such as `ai = true`.
    pub fn denied(&self, grant: &str) -> Error {
        let id = &self.plugin.id;
        Error::new(
            &codes::POWER_DENIED,
            format!(
                "plugin `{id}` was not granted this power; its manifest must ask for it under [permissions], and `{grant}` must stand in its grants in plugins.toml"
            ),
        )
    }

    /// `power_denied` for a power that this call does not carry.
    pub fn absent(&self, power: &str) -> Error {
        let id = &self.plugin.id;
        let why = match self.plugin.kind {
            PluginKind::Subscriber => {
                "but nobody called it: `run_as` in plugins.toml must name the account in whose name it does"
            }
            _ => "but not in this call",
        };
        Error::new(
            &codes::POWER_DENIED,
            format!("plugin `{id}` may use `{power}`, {why}"),
        )
    }
}
