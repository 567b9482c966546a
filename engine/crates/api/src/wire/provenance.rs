//! Where a generated text comes from.

use chrono::{DateTime, Utc};
use inkstone_domain::chat::{Sampling, Usage};
use inkstone_domain::ids::{ArticleId, JobId};
use inkstone_domain::provenance::{AiCall, Provenance};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::research::SourceReply;

/// Enough to explain a generated text, and to make it again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvenanceReply {
    #[schema(value_type = String)]
    pub article: ArticleId,
    /// The revision this tells of.
    pub revision: u64,
    #[schema(value_type = String)]
    pub job: JobId,
    pub plugin: String,
    pub plugin_version: String,
    /// SHA-256 of the generator's component, hex.
    pub plugin_digest: String,
    pub template: String,
    #[schema(value_type = Object)]
    pub input: Value,
    /// The model that was asked for, after defaults.
    pub model: String,
    /// Every call of a model, in order.
    pub calls: Vec<AiCallReply>,
    pub sources: Vec<SourceReply>,
    /// Sum over all calls.
    pub usage: TokensReply,
    /// Milliseconds of work, over all attempts.
    pub duration_ms: u64,
    pub created_at: DateTime<Utc>,
}

/// One call of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AiCallReply {
    /// `provider/model` that answered.
    pub model: String,
    /// Plugin that answered.
    pub provider: String,
    pub provider_version: String,
    /// SHA-256 of the provider's component, hex.
    pub provider_digest: String,
    /// SHA-256 of the messages as JSON, hex.
    pub prompt_sha256: String,
    pub sampling: SamplingReply,
    pub usage: TokensReply,
    pub duration_ms: u64,
}

/// How tokens were drawn; what is null was left to the model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SamplingReply {
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<u32>,
    pub frequency_penalty: Option<f32>,
    pub presence_penalty: Option<f32>,
    pub repeat_penalty: Option<f32>,
    pub seed: Option<u64>,
    pub max_tokens: Option<u32>,
    pub stop: Vec<String>,
}

/// Tokens. Cached and reasoning tokens are parts of input and output.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensReply {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_input_tokens: u64,
    pub reasoning_tokens: u64,
}

impl From<Provenance> for ProvenanceReply {
    fn from(provenance: Provenance) -> Self {
        Self {
            article: provenance.article,
            revision: provenance.revision,
            job: provenance.job,
            plugin: provenance.plugin,
            plugin_version: provenance.plugin_version,
            plugin_digest: provenance.plugin_digest,
            template: provenance.template,
            input: provenance.input,
            model: provenance.model,
            calls: provenance
                .calls
                .into_iter()
                .map(AiCallReply::from)
                .collect(),
            sources: provenance
                .sources
                .into_iter()
                .map(SourceReply::from)
                .collect(),
            usage: provenance.usage.into(),
            duration_ms: provenance.duration_ms,
            created_at: provenance.created_at,
        }
    }
}

impl From<AiCall> for AiCallReply {
    fn from(call: AiCall) -> Self {
        Self {
            model: call.model,
            provider: call.provider,
            provider_version: call.provider_version,
            provider_digest: call.provider_digest,
            prompt_sha256: call.prompt_sha256,
            sampling: call.sampling.into(),
            usage: call.usage.into(),
            duration_ms: call.duration_ms,
        }
    }
}

impl From<Sampling> for SamplingReply {
    fn from(sampling: Sampling) -> Self {
        Self {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            frequency_penalty: sampling.frequency_penalty,
            presence_penalty: sampling.presence_penalty,
            repeat_penalty: sampling.repeat_penalty,
            seed: sampling.seed,
            max_tokens: sampling.max_tokens,
            stop: sampling.stop,
        }
    }
}

impl From<Usage> for TokensReply {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            reasoning_tokens: usage.reasoning_tokens,
        }
    }
}
