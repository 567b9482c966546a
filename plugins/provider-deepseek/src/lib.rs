//! A provider for DeepSeek, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::fields::ROUTING;
use provider_wire::openai::hosted::{Field, Service};
use provider_wire::openai::{Dialect, KeyCheck, Thoughts};

/// After "Create Chat Completion", "JSON Output", "Thinking Mode", "Context Caching" and "Error Codes" of
/// api-docs.deepseek.com.
const SERVICE: Service = Service {
    base_url: "https://api.deepseek.com",
    credential: "deepseek",
    dialect: Dialect::Compatible,
    include_usage: true,
    lacks: &[
        Field::TopK,
        Field::RepeatPenalty,
        Field::Seed,
        Field::JsonSchema,
    ],
    thoughts: Thoughts::ReasoningContentOfCalls,
    key_check: KeyCheck::Models,
    routing: ROUTING,
};

provider_wire::hosted_provider!(DeepSeek, SERVICE);
