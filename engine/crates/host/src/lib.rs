//! The home of plugins: wasmtime, and everything of it. A component is read, checked, compiled (or
//! taken from the cache) and pre-instantiated once; every call gets a store of its own with a cap on
//! memory, computing time, waiting and output. WIT types stop in this crate: the ports of `domain`
//! go in and come out. No network, database or model lives here; they are ports too.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cache;
mod call;
mod config;
mod convert;
mod engine;
mod failure;
mod gate;
mod host;
mod imports;
mod kinds;
mod lane;
mod limits;
mod linkers;
mod logbook;
mod meter;
mod observe;
mod package;
mod plugin;
mod replay;
mod schema;
mod state;
mod stream;
mod tape;
mod ticker;
mod trust;
mod versions;
mod wasi;
mod workshop;

pub use cache::CacheKey;
pub use config::{HostConfig, HostPorts};
pub use host::Host;
pub use package::{Inspection, inspect, inspect_bytes};
pub use replay::{Replay, offline};
pub use trust::TrustSource;
