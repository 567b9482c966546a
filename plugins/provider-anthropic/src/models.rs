//! Which models there are: what the admin listed, else what the server lists.

use inkstone_plugin::provider::{Model, Result};
use provider_wire::models::report;
use provider_wire::upstream::{self, percent_encoded};

use crate::client::Client;
use crate::wire::models::{ModelBody, ModelsReply};

/// How many models one page holds at most, by the reference.
const PAGE_LIMIT: usize = 1000;
/// How many pages are asked for at most, so that a server cannot hold the plugin in a circle.
const PAGES_LIMIT: usize = 20;

/// The models to offer.
pub fn list(client: &Client) -> Result<Vec<Model>> {
    let wanted = &client.settings.models;
    if !wanted.is_empty() {
        return Ok(wanted.iter().map(Model::chat).collect());
    }
    Ok(ask(client)?.into_iter().map(Model::from).collect())
}

/// Asks the server for its models, which costs nothing and needs the credential.
pub fn validate(client: &Client) -> Result<String> {
    let models = ask(client)?;
    let offered = models.iter().map(|model| model.id.as_str());
    let wanted = client.settings.models.iter().map(String::as_str);
    Ok(report(&client.upstream.base_url, offered, wanted))
}

/// All pages of the server's list, without what cannot be called.
fn ask(client: &Client) -> Result<Vec<ModelBody>> {
    let mut models: Vec<ModelBody> = Vec::new();
    let mut after_id: Option<String> = None;
    for _ in 0..PAGES_LIMIT {
        let page = ask_page(client, after_id.as_deref())?;
        let has_more = page.has_more.unwrap_or_default();
        let last_in_page = page.data.last().map(|model| model.id.clone());
        let last_id = page.last_id.or(last_in_page).filter(|id| !id.is_empty());
        models.extend(page.data);
        if !has_more || last_id.is_none() || last_id == after_id {
            break;
        }
        after_id = last_id;
    }
    models.retain(ModelBody::is_callable);
    Ok(models)
}

fn ask_page(client: &Client, after_id: Option<&str>) -> Result<ModelsReply> {
    let mut path = format!("/v1/models?limit={PAGE_LIMIT}");
    if let Some(id) = after_id {
        path.push_str("&after_id=");
        path.push_str(&percent_encoded(id));
    }
    let response = client.upstream.get_models(&path)?;
    upstream::read(response)
}
