//! Which models there are: what the admin listed, else what the service lists, page by page.

use inkstone_plugin::provider::{Error, Model, ModelKind, Result};
use provider_wire::models::report;
use provider_wire::upstream::{self, percent_encoded};

use crate::client::Client;
use crate::settings::Settings;
use crate::wire::models::{ModelBody, ModelsReply};

/// How many pages are read; a page holds up to a thousand models.
const MAX_PAGES: usize = 20;

/// The models to offer.
pub fn list(client: &Client) -> Result<Vec<Model>> {
    let listed = listed(&client.settings);
    if !listed.is_empty() {
        return Ok(listed);
    }
    let models = ask(client)?.into_iter();
    Ok(models.filter_map(offered).collect())
}

/// Asks the service for its models, which costs nothing and needs the credential.
pub fn validate(client: &Client) -> Result<String> {
    let models = ask(client)?;
    let wanted = listed(&client.settings);
    Ok(report(
        &client.upstream.base_url,
        models.iter().map(|model| model.name.as_str()),
        wanted.iter().map(|model| model.id.as_str()),
    ))
}

/// All pages of the service's list, without what can no longer be called.
fn ask(client: &Client) -> Result<Vec<ModelBody>> {
    let mut models = Vec::new();
    let mut path = "/v1/models?page_size=1000".to_owned();
    for _ in 0..MAX_PAGES {
        let reply: ModelsReply = upstream::read(client.upstream.get_models(&path)?)?;
        models.extend(reply.models);
        match reply.next_page_token.filter(|token| !token.is_empty()) {
            Some(token) => {
                path = format!(
                    "/v1/models?page_size=1000&page_token={}",
                    percent_encoded(&token)
                );
            }
            None => {
                models.retain(|model: &ModelBody| !model.name.is_empty() && !model.is_deprecated);
                return Ok(models);
            }
        }
    }
    Err(Error::upstream(format!(
        "the upstream's list of models does not end after {MAX_PAGES} pages"
    )))
}

fn listed(settings: &Settings) -> Vec<Model> {
    let chat = settings.models.iter().map(Model::chat);
    let embedding = settings.embedding_models.iter().map(Model::embedding);
    let rerank = settings.rerank_models.iter().map(Model::rerank);
    chat.chain(embedding).chain(rerank).collect()
}

/// `None` where the model is for nothing that is asked of it here.
fn offered(body: ModelBody) -> Option<Model> {
    let kind = if body.serves("chat") {
        ModelKind::Chat
    } else if body.serves("embed") {
        ModelKind::Embedding
    } else if body.serves("rerank") {
        ModelKind::Rerank
    } else {
        return None;
    };
    Some(Model {
        context_length: body.context_length(),
        id: body.name,
        kind,
    })
}
