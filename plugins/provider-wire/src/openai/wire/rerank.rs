//! `POST /rerank`, both ways.

use inkstone_plugin::provider::Usage;
use serde::{Deserialize, Serialize};

use crate::ranking::ResultBody;

/// What is asked.
#[derive(Debug, Serialize)]
pub struct RerankBody<'a> {
    pub model: &'a str,
    pub query: &'a str,
    pub documents: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_n: Option<u32>,
}

/// What comes back.
#[derive(Debug, Deserialize)]
pub struct RerankReplyBody {
    pub results: Vec<ResultBody>,
    #[serde(default)]
    pub usage: Option<RerankUsageBody>,
}

/// Tokens read; nothing is written. Jina and vLLM only tell the total.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct RerankUsageBody {
    pub prompt_tokens: Option<u64>,
    pub total_tokens: Option<u64>,
}

impl From<RerankUsageBody> for Usage {
    fn from(body: RerankUsageBody) -> Self {
        let tokens = body.prompt_tokens.or(body.total_tokens);
        Self {
            input_tokens: tokens.unwrap_or_default(),
            ..Self::default()
        }
    }
}
