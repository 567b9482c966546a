//! Where a generated text comes from: enough to explain it, and to make it again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::{Sampling, Usage};
use crate::ids::{ArticleId, JobId};
use crate::research::Source;

/// One call of a model made for a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AiCall {
    /// `provider/model` that answered.
    pub model: String,
    /// Plugin that answered.
    pub provider: String,
    pub provider_version: String,
    /// SHA-256 of the provider's component, hex.
    pub provider_digest: String,
    /// SHA-256 of the messages as JSON, hex: proves a prompt without keeping it.
    pub prompt_sha256: String,
    pub sampling: Sampling,
    pub usage: Usage,
    pub duration_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    pub article: ArticleId,
    /// The revision this tells of.
    pub revision: u64,
    pub job: JobId,
    pub plugin: String,
    pub plugin_version: String,
    /// SHA-256 of the generator's component, hex.
    pub plugin_digest: String,
    pub template: String,
    pub input: Value,
    /// The model that was asked for, after defaults.
    pub model: String,
    pub calls: Vec<AiCall>,
    pub sources: Vec<Source>,
    /// Sum over all calls.
    pub usage: Usage,
    /// Milliseconds of work, over all attempts.
    pub duration_ms: u64,
    pub created_at: DateTime<Utc>,
}
