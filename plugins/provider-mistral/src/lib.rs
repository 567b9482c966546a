//! A provider for Mistral, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::openai::Dialect;
use provider_wire::openai::hosted::{Field, Service};

/// After "Chat Completion" and "Embeddings" of the API reference at docs.mistral.ai.
const SERVICE: Service = Service {
    base_url: "https://api.mistral.ai/v1",
    credential: "mistral",
    dialect: Dialect::Mistral,
    include_usage: false,
    lacks: &[Field::TopK, Field::RepeatPenalty],
};

provider_wire::hosted_provider!(Mistral, SERVICE);
