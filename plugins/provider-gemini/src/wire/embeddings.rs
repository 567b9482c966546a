//! `POST /models/{model}:batchEmbedContents`, both ways.

use inkstone_plugin::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::wire::generate_reply::UsageBody;

/// What is asked.
#[derive(Debug, Serialize)]
pub struct BatchBody<'a> {
    pub requests: Vec<EmbedBody<'a>>,
}

/// One text. The model stands here once more, and must be the one of the address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmbedBody<'a> {
    model: &'a str,
    content: TextContent<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u32>,
}

#[derive(Debug, Serialize)]
struct TextContent<'a> {
    parts: [TextPart<'a>; 1],
}

#[derive(Debug, Serialize)]
struct TextPart<'a> {
    text: &'a str,
}

impl<'a> EmbedBody<'a> {
    /// The request for one text; `model` is the wire's name.
    pub fn new(model: &'a str, text: &'a str, dimensions: Option<u32>) -> Self {
        Self {
            model,
            content: TextContent {
                parts: [TextPart { text }],
            },
            output_dimensionality: dimensions,
        }
    }
}

/// What comes back: vectors in the order of the requests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchReply {
    #[serde(default)]
    pub embeddings: Vec<Embedding>,
    /// Only some models count.
    #[serde(default)]
    pub usage_metadata: Option<UsageBody>,
}

/// One vector.
#[derive(Debug, Deserialize)]
pub struct Embedding {
    #[serde(default)]
    values: Vec<f32>,
}

impl Embedding {
    /// Its numbers.
    pub fn into_numbers(self) -> Result<Vec<f32>> {
        let numbers = self.values;
        if numbers.is_empty() || numbers.iter().any(|number| !number.is_finite()) {
            return Err(Error::upstream(
                "the upstream sent a vector that is empty or holds what is no number",
            ));
        }
        Ok(numbers)
    }
}
