//! The native local model: raw text in, raw text out. Mirrors the `inference` interface of the contract.

use std::pin::Pin;

use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LocalModelKind {
    Generation,
    Embedding,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalModelInfo {
    pub id: String,
    pub kind: LocalModelKind,
    /// Tokens that fit into one call.
    pub context_length: u32,
    /// Jinja, as the model file carries it.
    pub chat_template: Option<String>,
    pub bos_token: Option<String>,
    pub eos_token: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    pub model: String,
    /// The whole prompt, special tokens included.
    pub prompt: String,
    pub max_tokens: u32,
    /// 0 is greedy.
    pub temperature: f32,
    pub top_p: Option<f32>,
    pub top_k: Option<u32>,
    /// Multiplicative; 1 is none.
    pub repeat_penalty: f32,
    pub seed: u64,
    /// None of these is part of the text; matched across token borders.
    pub stop: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GenerateFinish {
    Stop,
    Length,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum GenerateEvent {
    /// Whole UTF-8 characters.
    Text(String),
    /// The last event.
    Done {
        finish: GenerateFinish,
        input_tokens: u32,
        output_tokens: u32,
    },
}

/// Dropping it stops the model.
pub type TokenStream = Pin<Box<dyn Stream<Item = Result<GenerateEvent>> + Send>>;

/// Vectors of unit length, and the tokens read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalEmbeddings {
    pub vectors: Vec<Vec<f32>>,
    pub input_tokens: u32,
}
