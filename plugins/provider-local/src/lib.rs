//! The embedded local model as an AI provider. What a conversation looks like as raw text is the business of
//! `template`, what of a request the model can do that of `request`; here the two meet the host's `inference`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod dates;
mod request;
mod settings;
mod template;
#[cfg(test)]
mod tests;

use inkstone_plugin::inference::{self, Event, Finish, ModelKind as LocalKind};
use inkstone_plugin::provider::*;

use settings::Settings;

/// The provider of local models.
pub struct Local;

impl Provider for Local {
    fn models(&self) -> Result<Vec<Model>> {
        let models = inference::models()?;
        Ok(models
            .into_iter()
            .map(|model| {
                let named = match model.kind {
                    LocalKind::Generation => Model::chat(model.id),
                    LocalKind::Embedding => Model::embedding(model.id),
                };
                named.with_context_length(model.context_length)
            })
            .collect())
    }

    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static> {
        request::check_supported(&request)?;
        let settings = Settings::load()?;
        let model = find_model(&request.model, LocalKind::Generation)?;
        let prompt = template::render(&model, &request.messages)?;
        let generate = request::to_generate(&request, &model, prompt, &settings)?;
        let events = inference::generate(&generate)?;
        Ok(events.flat_map(|event| match event {
            Ok(event) => to_chunks(event).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }))
    }

    fn embed(&self, request: EmbedRequest) -> Result<EmbedReply> {
        let model = find_model(&request.model, LocalKind::Embedding)?;
        let (vectors, input_tokens) = inference::embed(&model.id, &request.inputs)?;
        if let (Some(wanted), Some(first)) = (request.dimensions, vectors.first())
            && wanted as usize != first.len()
        {
            return Err(Error::unsupported(format!(
                "`dimensions`: the vectors of `{}` have {} and cannot be shortened",
                model.id,
                first.len()
            )));
        }
        Ok(EmbedReply {
            vectors,
            usage: Usage::new(u64::from(input_tokens), 0),
        })
    }

    fn validate_connection(&self) -> Result<String> {
        let models = inference::models()?;
        if models.is_empty() {
            return Err(Error::unavailable(
                "there is no local model; give the engine the path of a GGUF file, or let the set-up fetch its default",
            ));
        }
        let named: Vec<String> = models
            .iter()
            .map(|model| {
                let kind = match model.kind {
                    LocalKind::Generation => "generation",
                    LocalKind::Embedding => "embedding",
                };
                format!("{} ({kind}, {} tokens)", model.id, model.context_length)
            })
            .collect();
        Ok(format!("Local models: {}", named.join(", ")))
    }
}

inkstone_plugin::export_provider!(Local);

/// The model of this name and kind; the first of its kind for the empty name.
fn find_model(name: &str, kind: LocalKind) -> Result<inference::Model> {
    let models = inference::models()?;
    let fitting: Vec<inference::Model> = models
        .into_iter()
        .filter(|model| model.kind == kind)
        .collect();
    let found = fitting
        .iter()
        .find(|model| name.is_empty() || model.id == name);
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = fitting.iter().map(|model| model.id.as_str()).collect();
        let known = if names.is_empty() {
            "there is none of this kind".to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        };
        Error::not_found(format!("there is no local model `{name}`; {known}"))
    })
}

fn to_chunks(event: Event) -> Vec<Chunk> {
    match event {
        Event::Text(text) => vec![Chunk::Text(text)],
        Event::Done(done) => {
            let finish = match done.finish {
                Finish::Stop => FinishReason::Stop,
                Finish::Length => FinishReason::Length,
            };
            let usage = Usage::new(u64::from(done.input_tokens), u64::from(done.output_tokens));
            vec![Chunk::Usage(usage), Chunk::Finish(finish)]
        }
    }
}
