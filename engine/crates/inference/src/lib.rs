//! Language models that run inside the engine, on the processor, by candle: [`CandleModels`] fills
//! the port `LocalModels`. Raw text in, raw text out; chat templates are the plugins' work, and
//! fetching model files is the set-up's.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod embedding;
mod failure;
mod generation;
mod gguf;
mod models;
mod requantise;
mod sampling;
mod text;
mod threads;
mod vocabulary;
mod worker;

#[cfg(test)]
#[path = "../tests/models/location.rs"]
mod test_models;

pub use config::{EmbeddingModel, GgufModel, InferenceConfig};
pub use models::CandleModels;
pub use threads::limit_threads;
