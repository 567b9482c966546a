//! What `GET /v1/models` answers.

use inkstone_plugin::provider::Model;
use serde::Deserialize;

/// One page of the list.
#[derive(Debug, Deserialize)]
pub struct ModelsReply {
    pub data: Vec<ModelBody>,
    pub has_more: Option<bool>,
    /// Where the next page begins.
    pub last_id: Option<String>,
}

/// One model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ModelBody {
    pub id: String,
    pub max_input_tokens: Option<u64>,
    /// `active`, `deprecated` or `retired`.
    pub lifecycle: Option<String>,
}

impl ModelBody {
    /// Whether a request may name it; a retired model stays in the list as a record.
    pub fn is_callable(&self) -> bool {
        !self.id.is_empty() && self.lifecycle.as_deref() != Some("retired")
    }
}

impl From<ModelBody> for Model {
    fn from(body: ModelBody) -> Self {
        let length = body.max_input_tokens.and_then(|n| u32::try_from(n).ok());
        let mut model = Self::chat(body.id);
        model.context_length = length.filter(|&length| length > 0);
        model
    }
}
