//! A provider for Ollama, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::fields::ROUTING;
use provider_wire::openai::hosted::{Field, Service};
use provider_wire::openai::{Dialect, KeyCheck, Thoughts};

/// After "OpenAI compatibility" of the Ollama documentation.
const SERVICE: Service = Service {
    base_url: "http://127.0.0.1:11434/v1",
    credential: "",
    dialect: Dialect::Compatible,
    include_usage: true,
    lacks: &[Field::TopK, Field::RepeatPenalty, Field::Logprobs],
    thoughts: Thoughts::LeftOut,
    key_check: KeyCheck::Models,
    routing: ROUTING,
};

provider_wire::hosted_provider!(Ollama, SERVICE);
