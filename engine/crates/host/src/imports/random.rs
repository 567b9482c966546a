//! `random`: bytes from the process's cryptographic generator.

use inkstone_bindings::latest::imports::random as wit;
use inkstone_domain::recording::Blob;

use crate::failure::RuleBroken;
use crate::state::CallState;

/// Most bytes of one call.
pub(crate) const MAX_RANDOM_BYTES: u32 = 65_536;

impl wit::Host for CallState {
    fn bytes(&mut self, len: u32) -> wasmtime::Result<Vec<u8>> {
        if len > MAX_RANDOM_BYTES {
            let why =
                format!("it asked for {len} random bytes, and {MAX_RANDOM_BYTES} is the most");
            return Err(RuleBroken(why).into());
        }
        let bytes = import!(self, "random.bytes", [len], {
            let mut bytes = vec![0; len as usize];
            rand::fill(&mut bytes[..]);
            Ok(Blob(bytes))
        })?;
        Ok(bytes.0)
    }
}
