//! `clock`: wall-clock time from the port, and a clock that began with the call.

use inkstone_bindings::latest::imports::clock as wit;

use crate::state::CallState;

impl wit::Host for CallState {
    fn now_ms(&mut self) -> wasmtime::Result<u64> {
        import!(self, "clock.now-ms", (), {
            let now_ms = self.plugin.ports.clock.now().timestamp_millis();
            Ok(u64::try_from(now_ms).unwrap_or(0))
        })
    }

    fn monotonic_ns(&mut self) -> wasmtime::Result<u64> {
        import!(self, "clock.monotonic-ns", (), {
            Ok(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
        })
    }
}
