//! The bounds of a call as numbers that are ready to compare, and the limiter that holds the sum of
//! all memories and tables of a store under its cap. Time is measured in `meter`, waiting in `gate`.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::plugin::Limits;
use wasmtime::ResourceLimiter;

use crate::logbook::LogCaps;
use crate::meter::Meter;

/// Bounds of one call, in the units they are checked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallLimits {
    pub memory_bytes: usize,
    /// Of a plain call, from its start to its answer.
    pub deadline: Duration,
    pub stream: StreamLimits,
    pub cpu: Duration,
    pub response_bytes: usize,
    pub host_calls: u32,
    pub open: usize,
    pub log: LogCaps,
    pub concurrent: u32,
    pub queued: u32,
}

/// Waits of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamLimits {
    /// From its start to its first item.
    pub first_item: Duration,
    /// Between two items.
    pub idle: Duration,
    /// From its start to its end.
    pub total: Duration,
}

impl CallLimits {
    /// The smaller of manifest and admin, the default where both are silent, never above the ceiling.
    /// A manifest that bounds plain calls alone bounds the waits of its streams with the same number.
    pub fn joined(manifest: &Limits, admin: &Limits, default: &Limits, ceiling: &Limits) -> Self {
        let layers = [manifest, admin, default, ceiling];
        let wait = |of: fn(&Limits) -> Option<u64>| {
            let own = |layer: &Limits| of(layer).or(layer.deadline_ms);
            let layers = [own(manifest), own(admin), of(default), of(ceiling)];
            Duration::from_millis(pick(layers))
        };
        let number = |of: fn(&Limits) -> Option<u32>| pick(layers.map(of));
        let time = |of: fn(&Limits) -> Option<u64>| Duration::from_millis(pick(layers.map(of)));
        Self {
            memory_bytes: mib(number(|limits| limits.memory_mib)),
            deadline: time(|limits| limits.deadline_ms),
            stream: StreamLimits {
                first_item: wait(|limits| limits.first_item_ms),
                idle: wait(|limits| limits.idle_ms),
                total: time(|limits| limits.stream_ms),
            },
            cpu: time(|limits| limits.cpu_ms),
            response_bytes: mib(number(|limits| limits.max_response_mib)),
            host_calls: number(|limits| limits.max_host_calls),
            open: number(|limits| limits.max_open) as usize,
            log: LogCaps {
                lines: number(|limits| limits.max_log_lines),
                bytes: number(|limits| limits.max_log_kib).saturating_mul(1024),
            },
            concurrent: number(|limits| limits.max_concurrent).max(1),
            queued: number(|limits| limits.max_queued),
        }
    }
}

/// One number out of manifest, admin, default and ceiling.
fn pick<T: Ord + Default>([manifest, admin, default, ceiling]: [Option<T>; 4]) -> T {
    let asked = match (manifest, admin) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    };
    let value = asked.or(default).unwrap_or_default();
    match ceiling {
        Some(ceiling) => value.min(ceiling),
        None => value,
    }
}

fn mib(count: u32) -> usize {
    (count as usize) << 20
}

/// Bytes one element of a table takes in the host.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();
/// Most instances, memories and tables one component may be made of: a Python component has dozens of modules.
const MAX_INSTANCES: usize = 400;
const MAX_MEMORIES: usize = 8;
const MAX_TABLES: usize = 64;

/// Holds the sum of all memories and tables under one cap, and remembers whether it had to say no:
/// a guest whose growth was denied usually aborts, with the same trap as a panic.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    cap_bytes: usize,
    used_bytes: usize,
    /// Granted by the last question; taken back where the growth failed all the same.
    pending_bytes: usize,
    denied: bool,
    meter: Arc<Meter>,
}

impl MemoryLimiter {
    pub fn new(cap_bytes: usize, meter: Arc<Meter>) -> Self {
        Self {
            meter,
            cap_bytes,
            used_bytes: 0,
            pending_bytes: 0,
            denied: false,
        }
    }

    /// Whether any growth was denied since the store was made.
    pub fn was_denied(&self) -> bool {
        self.denied
    }

    fn ask(&mut self, more_bytes: usize) -> bool {
        let used_bytes = self.used_bytes.saturating_add(more_bytes);
        if used_bytes > self.cap_bytes {
            self.pending_bytes = 0;
            self.denied = true;
            return false;
        }
        self.used_bytes = used_bytes;
        self.pending_bytes = more_bytes;
        self.meter.memory(used_bytes);
        true
    }

    fn take_back(&mut self) {
        self.used_bytes -= self.pending_bytes;
        self.pending_bytes = 0;
        self.denied = true;
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.ask(desired.saturating_sub(current)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        Ok(self.ask(more.saturating_mul(TABLE_ELEMENT_BYTES)))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(cap_bytes: usize) -> MemoryLimiter {
        MemoryLimiter::new(cap_bytes, Arc::new(Meter::new(Duration::MAX, u32::MAX)))
    }

    #[test]
    fn a_streams_waits_follow_the_deadline_of_the_layer_that_is_silent_on_them() {
        let of = |manifest: Limits, admin: Limits| {
            let default = Limits {
                deadline_ms: Some(7),
                first_item_ms: Some(100),
                idle_ms: Some(50),
                ..Limits::default()
            };
            let ceiling = Limits {
                idle_ms: Some(40),
                ..Limits::default()
            };
            let stream = CallLimits::joined(&manifest, &admin, &default, &ceiling).stream;
            (stream.first_item.as_millis(), stream.idle.as_millis())
        };
        let silent = Limits::default();
        let bounded = Limits {
            deadline_ms: Some(30),
            ..silent
        };
        let own = Limits {
            idle_ms: Some(10),
            ..bounded
        };
        assert_eq!(of(silent, silent), (100, 40));
        assert_eq!(of(bounded, silent), (30, 30));
        assert_eq!(of(silent, own), (30, 10));
    }

    fn limits(memory_mib: Option<u32>) -> Limits {
        Limits {
            memory_mib,
            ..Limits::default()
        }
    }

    #[test]
    fn the_smaller_of_manifest_and_admin_holds_below_the_ceiling() {
        for (manifest, admin, want_mib) in [
            (None, None, 64),
            (Some(32), None, 32),
            (None, Some(256), 256),
            (Some(128), Some(96), 96),
            (Some(4096), None, 512),
            (None, Some(4096), 512),
        ] {
            let joined = CallLimits::joined(
                &limits(manifest),
                &limits(admin),
                &limits(Some(64)),
                &limits(Some(512)),
            );
            assert_eq!(
                joined.memory_bytes,
                mib(want_mib),
                "{manifest:?} and {admin:?}"
            );
        }
    }

    #[test]
    fn memories_and_tables_share_one_cap() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(limiter.table_growing(0, 5, None).unwrap());
        assert!(!limiter.was_denied());
        assert!(!limiter.memory_growing(40, 61, None).unwrap());
        assert!(limiter.was_denied());
        assert!(limiter.memory_growing(40, 60, None).unwrap());
        assert!(!limiter.table_growing(5, 6, None).unwrap());
    }

    #[test]
    fn a_growth_that_failed_is_not_counted() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 90, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("no room"))
            .unwrap();
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        assert!(limiter.was_denied());
    }

    #[test]
    fn a_real_table_counts_against_the_cap() {
        let engine = wasmtime::Engine::default();
        let wat = r#"(module
            (table $t 1 funcref)
            (func (export "grow") (param i32) (result i32)
                (table.grow $t (ref.null func) (local.get 0))))"#;
        let module = wasmtime::Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let mut store = wasmtime::Store::new(&engine, limiter(80));
        store.limiter(|limiter| limiter);
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let grow = instance
            .get_typed_func::<i32, i32>(&mut store, "grow")
            .unwrap();
        assert_eq!(grow.call(&mut store, 9).unwrap(), 1);
        assert_eq!(grow.call(&mut store, 1).unwrap(), -1);
        assert!(store.data().was_denied());
    }
}
