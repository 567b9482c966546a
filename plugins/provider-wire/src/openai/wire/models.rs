//! What `GET /models` answers, at OpenAI and at its look-alikes.

use serde::Deserialize;

/// A list, with OpenAI's envelope or bare.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ModelsReply {
    Envelope { data: Vec<ModelBody> },
    Bare(Vec<ModelBody>),
}

/// One model. Look-alikes tell its context under names of their own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ModelBody {
    pub id: String,
    /// Together: `chat`, `embedding`, `image` …
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// OpenRouter, Together.
    pub context_length: Option<u64>,
    /// vLLM.
    pub max_model_len: Option<u64>,
    /// Groq.
    pub context_window: Option<u64>,
    /// Mistral.
    pub max_context_length: Option<u64>,
    /// llama.cpp.
    pub meta: Option<MetaBody>,
}

/// llama.cpp's remarks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MetaBody {
    pub n_ctx: Option<u64>,
    pub n_ctx_train: Option<u64>,
}

impl ModelsReply {
    /// The models.
    pub fn into_models(self) -> Vec<ModelBody> {
        match self {
            Self::Envelope { data } | Self::Bare(data) => data,
        }
    }
}

impl ModelBody {
    /// Tokens that fit into one call.
    pub fn context_length(&self) -> Option<u32> {
        let meta = self.meta.as_ref();
        let length = self
            .max_model_len
            .or(self.context_length)
            .or(self.context_window)
            .or(self.max_context_length)
            .or_else(|| meta.and_then(|meta| meta.n_ctx.or(meta.n_ctx_train)))?;
        u32::try_from(length).ok().filter(|&length| length > 0)
    }
}
