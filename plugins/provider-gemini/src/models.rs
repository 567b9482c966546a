//! Which models there are: what the admin listed, else what the server lists, page by page.

use inkstone_plugin::provider::{Error, Model, ModelKind, Result};
use provider_wire::models::report;
use provider_wire::upstream::{self, percent_encoded};

use crate::client::Client;
use crate::model_name;
use crate::settings::Settings;
use crate::wire::models::{ModelBody, ModelsReply};

/// How many pages are read; a page holds up to a thousand models.
const MAX_PAGES: usize = 20;

/// The models to offer.
pub fn list(client: &Client) -> Result<Vec<Model>> {
    let settings = &client.settings;
    if !settings.models.is_empty() {
        return Ok(listed(settings));
    }
    let models = ask(client)?;
    Ok(models
        .iter()
        .filter_map(|body| offered(body, settings))
        .collect())
}

/// Asks the server for its models, which costs nothing and needs the credential.
pub fn validate(client: &Client) -> Result<String> {
    let settings = &client.settings;
    let models = ask(client)?;
    let wanted = settings.models.iter().chain(&settings.embedding_models);
    Ok(report(
        &client.upstream.base_url,
        models.iter().map(ModelBody::id),
        wanted.map(|name| model_name::bare(name)),
    ))
}

fn ask(client: &Client) -> Result<Vec<ModelBody>> {
    let mut models = Vec::new();
    let mut path = "/models?pageSize=1000".to_owned();
    for _ in 0..MAX_PAGES {
        let reply: ModelsReply = upstream::read(client.upstream.get_models(&path)?)?;
        models.extend(reply.models);
        match reply.next_page_token.filter(|token| !token.is_empty()) {
            Some(token) => {
                path = format!(
                    "/models?pageSize=1000&pageToken={}",
                    percent_encoded(&token)
                )
            }
            None => {
                models.retain(|model| !model.id().is_empty());
                return Ok(models);
            }
        }
    }
    Err(Error::upstream(format!(
        "the upstream's list of models does not end after {MAX_PAGES} pages"
    )))
}

fn listed(settings: &Settings) -> Vec<Model> {
    let embedding: Vec<&str> = names(&settings.embedding_models);
    let chat = names(&settings.models).into_iter().filter(|name| {
        // A name in both lists is an embedding model.
        !embedding.contains(name)
    });
    let chat: Vec<Model> = chat.map(Model::chat).collect();
    let embedding = embedding.into_iter().map(Model::embedding);
    chat.into_iter().chain(embedding).collect()
}

fn names(names: &[String]) -> Vec<&str> {
    names.iter().map(|name| model_name::bare(name)).collect()
}

fn offered(body: &ModelBody, settings: &Settings) -> Option<Model> {
    Some(Model {
        id: body.id().to_owned(),
        kind: kind_of(body, settings)?,
        context_length: body.input_token_limit.filter(|tokens| *tokens > 0),
    })
}

/// What the model is for; `None` where it is neither for chat nor for embeddings.
fn kind_of(body: &ModelBody, settings: &Settings) -> Option<ModelKind> {
    if names(&settings.embedding_models).contains(&body.id()) {
        return Some(ModelKind::Embedding);
    }
    if body.supports("generateContent") {
        return Some(ModelKind::Chat);
    }
    let embeds = body.supports("embedContent") || body.supports("batchEmbedContents");
    embeds.then_some(ModelKind::Embedding)
}

#[cfg(test)]
mod tests;
