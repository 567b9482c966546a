//! A provider for OpenRouter, which speaks OpenAI's API; what differs stands in [`SERVICE`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use provider_wire::openai::hosted::Service;
use provider_wire::openai::{Dialect, KeyCheck, Thoughts};

/// After "API Reference: Overview", "Streaming", "Reasoning Tokens", "Errors" and "Get current API key" of
/// openrouter.ai/docs.
const SERVICE: Service = Service {
    base_url: "https://openrouter.ai/api/v1",
    credential: "openrouter",
    dialect: Dialect::Compatible,
    include_usage: true,
    lacks: &[],
    thoughts: Thoughts::Reasoning,
    key_check: KeyCheck::Path("/key"),
    routing: ROUTING,
};

/// What names other models, or what is paid beside the model's tokens: `web_search_options` searches as `plugins` do.
const ROUTING: &[&str] = &["models", "route", "preset", "plugins", "web_search_options"];

provider_wire::hosted_provider!(OpenRouter, SERVICE);
