//! `POST /v1/embeddings`: what clients send and what they get, as lists of numbers or as base64 of
//! little-endian 32-bit floats, which OpenAI's own client asks for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use inkstone_domain::Result;
use inkstone_domain::chat::{EmbedReply, EmbedRequest};
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::refusals::Refusals;
use crate::wire::schema;

/// Texts to embed.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EmbeddingsBody {
    /// `provider/model` or an alias.
    #[serde(default)]
    pub model: String,
    /// A text or a list of texts.
    #[schema(schema_with = schema::text_or_texts)]
    pub input: EmbeddingInput,
    #[serde(default)]
    pub encoding_format: Option<EncodingFormat>,
    /// Length of the vectors, where the model can shorten them; at least 1.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub dimensions: Option<u32>,
}

/// A text or a list of texts, as a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EmbeddingInput(pub Vec<String>);

/// How vectors are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EncodingFormat {
    #[default]
    Float,
    Base64,
}

/// Vectors.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingsReply {
    /// Always `list`.
    pub object: &'static str,
    /// One per text, in their order.
    pub data: Vec<EmbeddingReply>,
    /// `provider/model` that answered.
    pub model: String,
    pub usage: EmbeddingUsageReply,
}

/// A vector.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingReply {
    /// Always `embedding`.
    pub object: &'static str,
    pub index: usize,
    /// Numbers, or base64 of little-endian 32-bit floats.
    #[schema(schema_with = schema::vector)]
    pub embedding: Vector,
}

/// A vector in either encoding.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

/// Tokens of the texts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingUsageReply {
    pub prompt_tokens: u64,
    pub total_tokens: u64,
}

/// More texts than this in one call are refused, as OpenAI does.
const MAX_INPUTS: usize = 2048;

impl EmbeddingsBody {
    /// Checks and converts; the error names every wrong field.
    pub(crate) fn into_domain(self) -> Result<EmbedRequest> {
        let mut wrong = Refusals::default();
        if self.input.0.is_empty() {
            wrong.refuse("/input", "at least one text is needed");
        }
        if self.input.0.len() > MAX_INPUTS {
            wrong.refuse(
                "/input",
                format!("at most {MAX_INPUTS} texts are possible in one call"),
            );
        }
        wrong.check_count("dimensions", self.dimensions);
        wrong.into_result()?;
        Ok(EmbedRequest {
            model: self.model,
            inputs: self.input.0,
            dimensions: self.dimensions,
        })
    }
}

impl EmbeddingsReply {
    pub(crate) fn new(reply: EmbedReply, model: String, format: EncodingFormat) -> Self {
        let data = reply
            .vectors
            .into_iter()
            .enumerate()
            .map(|(index, vector)| EmbeddingReply {
                object: "embedding",
                index,
                embedding: match format {
                    EncodingFormat::Float => Vector::Numbers(vector),
                    EncodingFormat::Base64 => Vector::Base64(to_base64(&vector)),
                },
            })
            .collect();
        Self {
            object: "list",
            data,
            model,
            usage: EmbeddingUsageReply {
                prompt_tokens: reply.usage.input_tokens,
                total_tokens: reply.usage.input_tokens,
            },
        }
    }
}

fn to_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

impl<'de> Deserialize<'de> for EmbeddingInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = EmbeddingInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts (lists of token numbers are not read here)")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(EmbeddingInput(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(InputText(text)) = items.next_element()? {
            texts.push(text);
        }
        Ok(EmbeddingInput(texts))
    }
}

/// One text of the list, with an error that says why token numbers are refused.
struct InputText(String);

impl<'de> Deserialize<'de> for InputText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputTextVisitor)
    }
}

struct InputTextVisitor;

impl Visitor<'_> for InputTextVisitor {
    type Value = InputText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text (lists of token numbers are not read here)")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(InputText(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(InputText(text))
    }
}
