//! A provider for Hugging Face, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::fields::ROUTING;
use provider_wire::openai::hosted::{Field, Service};
use provider_wire::openai::{Dialect, KeyCheck, Thoughts};

/// After "Inference Providers: Chat Completion" of huggingface.co/docs.
const SERVICE: Service = Service {
    base_url: "https://router.huggingface.co/v1",
    credential: "huggingface",
    dialect: Dialect::Compatible,
    include_usage: true,
    lacks: &[Field::TopK, Field::RepeatPenalty],
    thoughts: Thoughts::LeftOut,
    key_check: KeyCheck::None,
    routing: ROUTING,
};

provider_wire::hosted_provider!(HuggingFace, SERVICE);
