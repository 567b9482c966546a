//! A provider for Mistral, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::fields::ROUTING;
use provider_wire::openai::hosted::{Field, Service};
use provider_wire::openai::{Dialect, KeyCheck, Thoughts};

/// After "Chat Completion" and "Embeddings" of the API reference at docs.mistral.ai.
const SERVICE: Service = Service {
    base_url: "https://api.mistral.ai/v1",
    credential: "mistral",
    dialect: Dialect::Mistral,
    include_usage: false,
    lacks: &[Field::TopK, Field::RepeatPenalty, Field::Logprobs],
    thoughts: Thoughts::LeftOut,
    key_check: KeyCheck::Models,
    routing: ROUTING,
};

provider_wire::hosted_provider!(Mistral, SERVICE);
