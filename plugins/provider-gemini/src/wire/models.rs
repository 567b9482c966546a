//! `GET /models`: a page of models.

use serde::Deserialize;

use crate::model_name;

/// One page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModelsReply {
    pub models: Vec<ModelBody>,
    /// Missing or empty on the last page.
    pub next_page_token: Option<String>,
}

/// One model.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModelBody {
    /// With its collection, such as `models/gemini-2.5-flash`.
    pub name: String,
    pub input_token_limit: Option<u32>,
    pub supported_generation_methods: Vec<String>,
}

impl ModelBody {
    /// The name as callers know it.
    pub fn id(&self) -> &str {
        model_name::bare(&self.name)
    }

    /// Whether it can do this.
    pub fn supports(&self, method: &str) -> bool {
        self.supported_generation_methods
            .iter()
            .any(|known| known == method)
    }
}
