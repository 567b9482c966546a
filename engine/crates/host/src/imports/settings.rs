//! `settings`: what the admin set, checked when the plugin was prepared.

use inkstone_bindings::v0_1_0::imports::settings as wit;

use crate::state::CallState;

impl wit::Host for CallState {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.plugin.settings.clone())
    }
}
