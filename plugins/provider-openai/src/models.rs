//! Which models there are: what the admin listed, else what the server lists.

use std::collections::BTreeSet;

use inkstone_plugin::provider::{Error, ErrorKind, Model, ModelKind, Result};
use provider_wire::upstream;

use crate::client::Client;
use crate::settings::Settings;
use crate::wire::models::{ModelBody, ModelsReply};

/// How many names [`validate`] gives.
const NAMED_MODELS: usize = 5;

/// The models to offer.
pub fn list(client: &Client) -> Result<Vec<Model>> {
    let settings = &client.settings;
    if !settings.models.is_empty() {
        return Ok(listed(settings));
    }
    let models = ask(client)?;
    Ok(models
        .into_iter()
        .filter_map(|body| offered(body, settings))
        .collect())
}

/// Asks the server for its models, which costs nothing and needs the credential.
pub fn validate(client: &Client) -> Result<String> {
    let settings = &client.settings;
    let models = ask(client)?;
    let known: BTreeSet<&str> = models.iter().map(|model| model.id.as_str()).collect();
    let names: Vec<&str> = known.iter().copied().take(NAMED_MODELS).collect();
    let mut text = format!("{} offers {} models", client.upstream.base_url, known.len());
    if !names.is_empty() {
        text.push_str(if known.len() > names.len() {
            ", among them "
        } else {
            ": "
        });
        text.push_str(&names.join(", "));
    }
    let wanted = settings.models.iter().chain(&settings.embedding_models);
    let missing: Vec<&str> = wanted
        .map(String::as_str)
        .filter(|name| !known.contains(name))
        .collect();
    if !missing.is_empty() {
        text.push_str("; not there: ");
        text.push_str(&missing.join(", "));
    }
    Ok(text)
}

fn ask(client: &Client) -> Result<Vec<ModelBody>> {
    let response = client.upstream.get("/models").map_err(|error| match error.kind {
        ErrorKind::NotFound | ErrorKind::Unsupported => Error {
            message: format!(
                "{} has no list of models ({}); check `base_url`, or name the models in the setting `models`",
                client.upstream.base_url, error.message
            ),
            ..error
        },
        _ => error,
    })?;
    let reply: ModelsReply = upstream::read(response)?;
    let mut models = reply.into_models();
    models.retain(|model| !model.id.is_empty());
    Ok(models)
}

fn listed(settings: &Settings) -> Vec<Model> {
    let chat = settings.models.iter().filter(|name| {
        // A name in both lists is an embedding model.
        !settings.embedding_models.contains(name)
    });
    let embedding = settings.embedding_models.iter();
    chat.map(Model::chat)
        .chain(embedding.map(Model::embedding))
        .collect()
}

fn offered(body: ModelBody, settings: &Settings) -> Option<Model> {
    let kind = kind_of(&body, settings)?;
    Some(Model {
        context_length: body.context_length(),
        id: body.id,
        kind,
    })
}

/// What the model is for; `None` where it is neither for chat nor for embeddings. Only names tell at most servers.
fn kind_of(body: &ModelBody, settings: &Settings) -> Option<ModelKind> {
    if settings.embedding_models.contains(&body.id) {
        return Some(ModelKind::Embedding);
    }
    match body.kind.as_deref() {
        Some("embedding" | "embeddings") => return Some(ModelKind::Embedding),
        Some("image" | "audio" | "rerank" | "moderation" | "transcribe") => return None,
        _ => {}
    }
    let name = body.id.to_ascii_lowercase();
    let last = name.rsplit('/').next().unwrap_or(&name);
    let embeds = ["bge-", "e5-", "gte-", "all-minilm", "multilingual-e5"];
    if name.contains("embed") || embeds.iter().any(|start| last.starts_with(start)) {
        return Some(ModelKind::Embedding);
    }
    let others = [
        "whisper",
        "tts-",
        "dall-e",
        "gpt-image",
        "sora",
        "omni-moderation",
        "text-moderation",
        // These complete texts and know no conversation.
        "babbage-",
        "davinci-",
        "gpt-3.5-turbo-instruct",
    ];
    let speaks = ["-transcribe", "-tts", "-realtime"];
    let is_other = others.iter().any(|start| last.starts_with(start))
        || speaks.iter().any(|word| last.contains(word));
    (!is_other).then_some(ModelKind::Chat)
}

#[cfg(test)]
mod tests;
