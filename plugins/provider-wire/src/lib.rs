//! What the providers of hosted models share: [`upstream`] reaches a server, and turns what goes wrong there into
//! the contract's typed errors ([`failure`], [`fault`]); [`openai`] is the API that most of them speak. It is a
//! library for plugins, and no plugin itself.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod failure;
pub mod fault;
pub mod openai;
pub mod upstream;
