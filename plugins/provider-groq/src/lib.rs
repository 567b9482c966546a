//! A provider for Groq, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::fields::ROUTING;
use provider_wire::openai::hosted::{Field, Service};
use provider_wire::openai::{Dialect, KeyCheck, Thoughts};

/// After "Chat" and "Models" of the API reference at console.groq.com, and its page "OpenAI Compatibility".
const SERVICE: Service = Service {
    base_url: "https://api.groq.com/openai/v1",
    credential: "groq",
    dialect: Dialect::OpenAi,
    include_usage: true,
    lacks: &[
        Field::TopK,
        Field::RepeatPenalty,
        Field::FrequencyPenalty,
        Field::PresencePenalty,
        Field::Logprobs,
    ],
    thoughts: Thoughts::LeftOut,
    key_check: KeyCheck::Models,
    routing: ROUTING,
};

provider_wire::hosted_provider!(Groq, SERVICE);
