//! What egress would have counted, as a test says it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use inkstone_domain::outbound::OutboundCounts;
use inkstone_domain::ports::OutboundTally;

/// Counts that are set by hand.
#[derive(Debug, Default)]
pub struct MemOutboundTally(Mutex<HashMap<String, OutboundCounts>>);

impl MemOutboundTally {
    pub fn set(&self, plugin: &str, counts: OutboundCounts) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(plugin.to_owned(), counts);
    }
}

impl OutboundTally for MemOutboundTally {
    fn counts(&self, plugin: &str) -> OutboundCounts {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(plugin).cloned().unwrap_or_default()
    }
}
