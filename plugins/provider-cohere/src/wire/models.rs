//! What `GET /v1/models` answers.

use serde::Deserialize;

/// One page of the list.
#[derive(Debug, Deserialize)]
pub struct ModelsReply {
    pub models: Vec<ModelBody>,
    /// Missing or empty on the last page.
    #[serde(default)]
    pub next_page_token: Option<String>,
}

/// One model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ModelBody {
    pub name: String,
    pub is_deprecated: bool,
    /// `chat`, `embed`, `rerank`, `classify` …
    pub endpoints: Vec<String>,
    context_length: Option<f64>,
}

impl ModelBody {
    /// Whether it can be asked there.
    pub fn serves(&self, endpoint: &str) -> bool {
        self.endpoints.iter().any(|known| known == endpoint)
    }

    /// Tokens that fit into one call.
    pub fn context_length(&self) -> Option<u32> {
        let length = self.context_length.unwrap_or_default() as u32;
        (length > 0).then_some(length)
    }
}
