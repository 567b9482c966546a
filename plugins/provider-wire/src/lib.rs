//! What the providers of hosted models share: [`upstream`] reaches a server, and turns what goes wrong there into
//! the contract's typed errors ([`failure`], [`fault`]); [`openai`] is the API that most of them speak. It is a
//! library for plugins, and no plugin itself.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod failure;
pub mod fault;
pub mod fields;
pub mod models;
pub mod openai;
pub mod ranking;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod told;
pub mod upstream;
