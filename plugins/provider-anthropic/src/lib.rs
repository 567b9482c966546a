//! A provider for Anthropic's Messages API. Here is only which verb goes to which module: what is sent and read
//! stands in [`wire`], the reading of streams in [`stream`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod client;
mod models;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use inkstone_plugin::provider::{
    Chunk, EmbedReply, EmbedRequest, Error, Model, Provider, Request, Result,
};

use crate::client::Client;

/// The plugin.
pub struct Anthropic;

impl Provider for Anthropic {
    fn models(&self) -> Result<Vec<Model>> {
        models::list(&Client::from_settings()?)
    }

    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static> {
        stream::open(&Client::from_settings()?, &request)
    }

    fn embed(&self, _request: EmbedRequest) -> Result<EmbedReply> {
        Err(Error::unsupported(
            "Anthropic's API makes no embeddings; name a model of another provider for them",
        ))
    }

    fn validate_connection(&self) -> Result<String> {
        models::validate(&Client::from_settings()?)
    }
}

inkstone_plugin::export_provider!(Anthropic);
