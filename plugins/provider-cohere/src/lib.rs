//! A provider for Cohere's API. Here is only which verb goes to which module: what is sent and read stands in [`wire`],
//! the reading of streams in [`stream`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod client;
mod embeddings;
mod models;
mod rerank;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use inkstone_plugin::provider::{
    Chunk, EmbedReply, EmbedRequest, Model, Provider, Request, RerankReply, RerankRequest, Result,
};

use crate::client::Client;

/// The plugin.
pub struct Cohere;

impl Provider for Cohere {
    fn models(&self) -> Result<Vec<Model>> {
        models::list(&Client::from_settings()?)
    }

    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static> {
        stream::open(&Client::from_settings()?, &request)
    }

    fn embed(&self, request: EmbedRequest) -> Result<EmbedReply> {
        embeddings::embed(&Client::from_settings()?, &request)
    }

    fn rerank(&self, request: RerankRequest) -> Result<RerankReply> {
        rerank::rerank(&Client::from_settings()?, &request)
    }

    fn validate_connection(&self) -> Result<String> {
        models::validate(&Client::from_settings()?)
    }
}

inkstone_plugin::export_provider!(Cohere);
