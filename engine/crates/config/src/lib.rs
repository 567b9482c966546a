//! Configuration: TOML text becomes checked values, and every fault is told with file, line, column,
//! the key and the closest known key. Layers are built-in < file < environment
//! (`INKSTONE__SECTION__KEY`) < overrides. What the values mean to the engine is decided where they
//! are used; the words themselves (`Manifest`, `PluginSpec`, `Grants`) live in `inkstone-domain`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod credentials;
pub mod engine;
mod gateway;
pub mod manifest;
pub mod packages;
pub mod paths;
pub mod plugin_keys;
pub mod plugins;
pub mod prices;
pub mod problem;
pub mod secret;
pub mod vault;
pub mod watch;

mod atomic_file;
mod doors;
mod engine_reading;
mod layers;
mod media;
mod people;
mod permissions;
mod redis;
mod search;
mod section;
mod tree;

pub use engine::{EngineConfig, LogFormat};
pub use layers::Override;
pub use problem::{ConfigError, Problem};
pub use secret::Secret;
