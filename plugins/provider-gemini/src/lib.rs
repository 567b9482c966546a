//! A provider for Google's Gemini API. Here is only which verb goes to which module: what is sent and read stands in
//! [`wire`], the reading of streams in [`stream`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod call_id;
mod client;
mod embeddings;
#[cfg(test)]
mod failures;
mod model_name;
mod models;
mod settings;
mod stream;
mod wire;

use inkstone_plugin::provider::{
    Chunk, EmbedReply, EmbedRequest, Model, Provider, Request, Result,
};

use crate::client::Client;

/// The plugin.
pub struct Gemini;

impl Provider for Gemini {
    fn models(&self) -> Result<Vec<Model>> {
        models::list(&Client::from_settings()?)
    }

    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static> {
        stream::open(&Client::from_settings()?, &request)
    }

    fn embed(&self, request: EmbedRequest) -> Result<EmbedReply> {
        embeddings::embed(&Client::from_settings()?, &request)
    }

    fn validate_connection(&self) -> Result<String> {
        models::validate(&Client::from_settings()?)
    }
}

inkstone_plugin::export_provider!(Gemini);
