//! `settings`: what the admin set, checked when the plugin was prepared.

use inkstone_bindings::latest::imports::settings as wit;

use crate::state::CallState;

impl wit::Host for CallState {
    fn get(&mut self) -> wasmtime::Result<String> {
        import!(self, "settings.get", (), Ok(self.plugin.settings.clone()))
    }
}
