//! `random`: bytes from the process's cryptographic generator.

use inkstone_bindings::v0_1_0::imports::random as wit;

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
        let mut bytes = vec![0; len as usize];
        rand::fill(&mut bytes[..]);
        Ok(bytes)
    }
}
