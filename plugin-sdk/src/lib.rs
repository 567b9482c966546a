//! What the author of an Inkstone plugin imports. One module per kind of plugin ([`provider`], [`generator`],
//! [`research`], [`analytics`], [`subscriber`]), one per thing the host offers ([`ai`], [`http`], [`kv`] …), and what every plugin
//! ends up needing ([`json`], [`sse`], [`schema`]). It knows the contract in `wit/` and nothing of the engine.
//! On any target but wasm the host is a scripted one, see [`testing`], so that plugins are tested by `cargo test`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[doc(hidden)]
pub mod bindings;

pub mod ai;
pub mod analytics;
pub mod chat;
pub mod clock;
pub mod error;
pub mod generator;
pub mod http;
pub mod inference;
pub mod json;
pub mod kv;
pub mod log;
#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
mod memory;
pub mod provider;
pub mod random;
pub mod research;
pub mod schema;
pub mod search;
pub mod settings;
pub mod sse;
pub mod subscriber;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod tools;

#[doc(hidden)]
pub mod guest;

pub use bindings::imports::inkstone::plugin::types::{Source, Usage};
pub use error::{Error, ErrorKind, Result};

/// The imports as functions: the host's on wasm, the scripted ones elsewhere. Both have the same shape.
#[cfg(target_arch = "wasm32")]
pub(crate) use bindings::imports::inkstone::plugin as host;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use testing::host;

/// Version of the contract this SDK is made for.
pub const API_VERSION: &str = "0.2.0";

impl Usage {
    /// Plain counts of tokens in and out.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            input_tokens,
            output_tokens,
            cached_input_tokens: 0,
            reasoning_tokens: 0,
        }
    }
}

impl Default for Usage {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

impl Source {
    /// A source known by its address alone.
    pub fn url(url: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            ..Self::default()
        }
    }
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for Source {
    fn default() -> Self {
        Self {
            url: None,
            title: None,
            author: None,
            published: None,
        }
    }
}
