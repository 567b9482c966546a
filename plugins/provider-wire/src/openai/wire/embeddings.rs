//! `POST /embeddings`, both ways.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inkstone_plugin::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::openai::wire::chat_reply::UsageBody;

/// What is asked. Vectors come as base64, a quarter of the size of decimal numbers, and as OpenAI's own clients ask;
/// servers that do not know it send numbers.
#[derive(Debug, Serialize)]
pub struct EmbeddingsBody<'a> {
    pub model: &'a str,
    pub input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    pub encoding_format: &'static str,
}

/// What comes back.
#[derive(Debug, Deserialize)]
pub struct EmbeddingsReply {
    pub data: Vec<EmbeddingBody>,
    #[serde(default)]
    pub usage: Option<UsageBody>,
}

/// One vector.
#[derive(Debug, Deserialize)]
pub struct EmbeddingBody {
    /// Which input it belongs to; where it is missing, the order tells.
    #[serde(default)]
    pub index: Option<usize>,
    pub embedding: VectorBody,
}

/// A vector as numbers, or as little-endian 32-bit floats in base64.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum VectorBody {
    Base64(String),
    Numbers(Vec<f32>),
}

impl VectorBody {
    /// Its numbers.
    pub fn into_numbers(self) -> Result<Vec<f32>> {
        let numbers = match self {
            Self::Numbers(numbers) => numbers,
            Self::Base64(text) => from_base64(&text)?,
        };
        if numbers.is_empty() || numbers.iter().any(|number| !number.is_finite()) {
            return Err(Error::upstream(
                "the upstream sent a vector that is empty or holds what is no number",
            ));
        }
        Ok(numbers)
    }
}

fn from_base64(text: &str) -> Result<Vec<f32>> {
    let bytes = BASE64
        .decode(text)
        .map_err(|error| Error::upstream(format!("the upstream's vector: {error}")))?;
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Error::upstream(
            "the upstream's vector is cut off in the middle of a number",
        ));
    }
    Ok(words.iter().copied().map(f32::from_le_bytes).collect())
}
