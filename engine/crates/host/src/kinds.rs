//! The kinds of plugin as ports of the domain. Each file has the same parts: the world, what
//! the plugin declared when it was prepared, and the port's functions as calls of a fresh store.

mod analytics;
mod declared;
mod generator;
mod provider;
mod research;
mod subscriber;

pub(crate) use analytics::WasmAnalytics;
pub(crate) use generator::WasmGenerator;
pub(crate) use provider::WasmProvider;
pub(crate) use research::WasmResearch;
pub(crate) use subscriber::WasmSubscriber;
