//! What tests stand on: fakes of the ports, a clock that is moved by hand, and one contract suite
//! per port that is run against the fake and against the real adapter, so that fakes cannot lie.
//! Dev-only: nothing that ships depends on this crate.

#![allow(clippy::unwrap_used)]

#[cfg(feature = "api")]
pub mod api_client;
mod blobs;
mod bus;
pub mod clock;
pub mod contract;
mod guests;
mod images;
mod index;
mod issuer;
mod journal;
mod mailer;
pub mod mem;
mod outbound;
mod packages;
mod recordings;
mod redis_server;
pub mod runtime;
pub mod sample;
mod signing_keys;

pub use blobs::MemBlobs;
pub use bus::MemBus;
pub use clock::ManualClock;
pub use guests::{
    FakeAnalytics, FakeGenerator, FakeLoader, FakeProvider, FakeResearch, FakeSubscriber, Gate,
    Heard, Say, Step, fake_manifest, fake_package, loaded_plugin, plugin_spec,
};
pub use images::FakeImages;
pub use index::FakeSearchIndex;
pub use issuer::{Answer, CLIENT_ID, CLIENT_SECRET, FakeIssuer, FakeIssuers, Forgery, Signature};
pub use journal::MemUsageJournal;
pub use mailer::MemMailer;
pub use mem::MemStore;
pub use outbound::{FakeEgress, MemOutboundTally};
pub use packages::{FakePackageFetcher, MemPackageStore, MemPluginList};
pub use recordings::MemRecordings;
pub use redis_server::RedisServer;
pub use runtime::run_on_deep_stack;
pub use signing_keys::MemSigningKeys;
