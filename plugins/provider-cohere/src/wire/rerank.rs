//! `POST /v2/rerank`, both ways.

use provider_wire::ranking::ResultBody;
use serde::{Deserialize, Serialize};

use crate::wire::meta::MetaBody;

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
    pub meta: Option<MetaBody>,
}
