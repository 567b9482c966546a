//! Which models there are: what the admin listed, else what the server lists.

use inkstone_plugin::provider::{Model, ModelKind, Result};

use super::wire::models::{ModelBody, ModelsReply};
use super::{KeyCheck, Options, Server};
use crate::models::report;
use crate::upstream;

/// The models to offer.
pub fn list(server: &Server) -> Result<Vec<Model>> {
    let options = &server.options;
    if !options.models.is_empty() {
        return Ok(listed(options));
    }
    let models = ask(server)?;
    Ok(models
        .into_iter()
        .filter_map(|body| offered(body, options))
        .collect())
}

/// Checks the credential, and asks the server for its models.
pub fn validate(server: &Server) -> Result<String> {
    let options = &server.options;
    if let KeyCheck::Path(path) = options.key_check {
        server.upstream.get(path)?;
    }
    let models = ask(server)?;
    let offered = models.iter().map(|model| model.id.as_str());
    let wanted = options.models.iter().chain(&options.embedding_models);
    let wanted = wanted.chain(&options.rerank_models).map(String::as_str);
    let mut said = report(&server.upstream.base_url, offered, wanted);
    if options.key_check == KeyCheck::None && !server.upstream.credential.is_empty() {
        said.push_str("; the list is for everybody, so the credential was not checked");
    }
    Ok(said)
}

fn ask(server: &Server) -> Result<Vec<ModelBody>> {
    let response = server.upstream.get_models("/models")?;
    let reply: ModelsReply = upstream::read(response)?;
    let mut models = reply.into_models();
    models.retain(|model| !model.id.is_empty());
    Ok(models)
}

fn listed(options: &Options) -> Vec<Model> {
    let chat = options.models.iter().filter(|name| {
        // A name in two lists is of the narrower kind.
        !options.embedding_models.contains(name) && !options.rerank_models.contains(name)
    });
    let embedding = options.embedding_models.iter().map(Model::embedding);
    let rerank = options.rerank_models.iter().map(Model::rerank);
    chat.map(Model::chat)
        .chain(embedding)
        .chain(rerank)
        .collect()
}

fn offered(body: ModelBody, options: &Options) -> Option<Model> {
    let kind = kind_of(&body, options)?;
    Some(Model {
        context_length: body.context_length(),
        id: body.id,
        kind,
    })
}

/// What the model is for; `None` where it is for nothing that is asked of it here. Only names tell at most servers.
fn kind_of(body: &ModelBody, options: &Options) -> Option<ModelKind> {
    if options.embedding_models.contains(&body.id) {
        return Some(ModelKind::Embedding);
    }
    if options.rerank_models.contains(&body.id) {
        return Some(ModelKind::Rerank);
    }
    match body.kind.as_deref() {
        Some("embedding" | "embeddings") => return Some(ModelKind::Embedding),
        Some("rerank") => return Some(ModelKind::Rerank),
        Some("image" | "audio" | "moderation" | "transcribe") => return None,
        _ => {}
    }
    let name = body.id.to_ascii_lowercase();
    let last = name.rsplit('/').next().unwrap_or(&name);
    // Before the embedding models, because `bge-reranker-…` begins like one.
    if last.contains("rerank") {
        return Some(ModelKind::Rerank);
    }
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
