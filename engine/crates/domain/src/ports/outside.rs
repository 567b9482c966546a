//! The world outside: network and time.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::capability::Effective;
use crate::outbound::{OutboundCounts, OutboundRequest, OutboundResponse};
use crate::recording::{Recording, RecordingInfo};
use crate::usage::UsageRecord;

/// The only door to the network. Checks the target against the powers, refuses private networks
/// that no grant names exactly, and attaches credentials by name.
#[async_trait]
pub trait Egress: Send + Sync {
    async fn send(
        &self,
        plugin: &str,
        powers: &Effective,
        request: OutboundRequest,
    ) -> Result<OutboundResponse>;
}

/// What egress has counted.
pub trait OutboundTally: Send + Sync {
    /// Since the start; nothing where this plugin has called nobody, or does not exist.
    fn counts(&self, plugin: &str) -> OutboundCounts;
}

/// What was spent and is not in the ledger yet, written down where it outlives the process.
pub trait UsageJournal: Send + Sync {
    /// Writes a record down; what cannot be written is logged. Takes microseconds.
    fn note(&self, record: &UsageRecord);
    /// So many of the records noted longest ago are in the ledger now.
    fn settled(&self, count: usize);
    /// What was noted before this process began and never settled.
    fn left_over(&self) -> Vec<UsageRecord>;
}

/// Where recorded calls of plugins are kept.
pub trait RecordingSink: Send + Sync {
    /// Keeps a recording. Never blocks the call that was recorded; what cannot be kept is logged.
    fn keep(&self, recording: Recording);
}

/// The recordings that were kept.
#[async_trait]
pub trait RecordingStore: RecordingSink {
    /// Of one plugin, newest first, at most 100.
    async fn list(&self, plugin: &str) -> Result<Vec<RecordingInfo>>;
    /// `not_found` where this plugin has no such recording.
    async fn read(&self, plugin: &str, id: &str) -> Result<Recording>;
}

/// Wall-clock time, injected so that tests can move it.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
