//! `log`: lines for the operator, capped per call.

use inkstone_bindings::latest::imports::log as wit;

use crate::logbook::Level;
use crate::state::CallState;

impl wit::Host for CallState {
    fn write(
        &mut self,
        level: wit::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            wit::Level::Trace => Level::Trace,
            wit::Level::Debug => Level::Debug,
            wit::Level::Info => Level::Info,
            wit::Level::Warn => Level::Warn,
            wit::Level::Error => Level::Error,
        };
        import!(self, "log.write", (level.as_str(), &message, &fields), {
            self.log.write(level, &message, &fields);
            Ok(())
        })
    }
}
