//! A provider for every server that speaks OpenAI's HTTP API. The API itself stands in `provider-wire`; here is what
//! the admin can set, and what of it is OpenAI's own.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod settings;
#[cfg(test)]
mod tests;

use inkstone_plugin::provider::{
    Chunk, EmbedReply, EmbedRequest, Model, Provider, Request, RerankReply, RerankRequest, Result,
};
use provider_wire::openai::Server;

use crate::settings::Settings;

/// The plugin.
pub struct OpenAi;

fn server() -> Result<Server> {
    Settings::load()?.server()
}

impl Provider for OpenAi {
    fn models(&self) -> Result<Vec<Model>> {
        server()?.models()
    }

    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static> {
        server()?.complete(&request)
    }

    fn embed(&self, request: EmbedRequest) -> Result<EmbedReply> {
        server()?.embed(&request)
    }

    fn rerank(&self, request: RerankRequest) -> Result<RerankReply> {
        server()?.rerank(&request)
    }

    fn validate_connection(&self) -> Result<String> {
        server()?.validate()
    }
}

inkstone_plugin::export_provider!(OpenAi);
