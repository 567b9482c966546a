//! A provider for OpenRouter, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::openai::Dialect;
use provider_wire::openai::hosted::Service;

/// After "API Reference: Overview", "Streaming" and "Errors" of openrouter.ai/docs.
const SERVICE: Service = Service {
    base_url: "https://openrouter.ai/api/v1",
    credential: "openrouter",
    dialect: Dialect::Compatible,
    include_usage: true,
    lacks: &[],
};

provider_wire::hosted_provider!(OpenRouter, SERVICE);
