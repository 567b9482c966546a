//! `POST /v2/embed`, both ways.

use serde::{Deserialize, Serialize};

use crate::settings::InputType;
use crate::wire::meta::MetaBody;

/// What is asked.
#[derive(Debug, Serialize)]
pub struct EmbedBody<'a> {
    pub model: &'a str,
    pub input_type: InputType,
    pub texts: &'a [String],
    pub embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_dimension: Option<u32>,
}

/// What comes back: vectors in the order of the texts.
#[derive(Debug, Deserialize)]
pub struct EmbedReplyBody {
    pub embeddings: EmbeddingsBody,
    #[serde(default)]
    pub meta: Option<MetaBody>,
}

/// The vectors by their type; one type is asked for.
#[derive(Debug, Deserialize)]
pub struct EmbeddingsBody {
    pub float: Vec<Vec<f32>>,
}
