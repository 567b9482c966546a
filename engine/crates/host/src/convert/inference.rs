//! The native local model's words across the border.

use inkstone_bindings::latest::imports::inference as wit;
use inkstone_domain::inference::{
    GenerateEvent, GenerateFinish, GenerateRequest, LocalModelInfo, LocalModelKind,
};

pub(crate) fn model(model: LocalModelInfo) -> wit::Model {
    wit::Model {
        id: model.id,
        kind: match model.kind {
            LocalModelKind::Generation => wit::ModelKind::Generation,
            LocalModelKind::Embedding => wit::ModelKind::Embedding,
        },
        context_length: model.context_length,
        chat_template: model.chat_template,
        bos_token: model.bos_token,
        eos_token: model.eos_token,
    }
}

pub(crate) fn request(request: wit::GenerateRequest) -> GenerateRequest {
    GenerateRequest {
        model: request.model,
        prompt: request.prompt,
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        repeat_penalty: request.repeat_penalty,
        seed: request.seed,
        stop: request.stop,
    }
}

pub(crate) fn event(event: GenerateEvent) -> wit::Event {
    match event {
        GenerateEvent::Text(text) => wit::Event::Text(text),
        GenerateEvent::Done {
            finish,
            input_tokens,
            output_tokens,
        } => wit::Event::Done(wit::Done {
            finish: match finish {
                GenerateFinish::Stop => wit::Finish::Stop,
                GenerateFinish::Length => wit::Finish::Length,
            },
            input_tokens,
            output_tokens,
        }),
    }
}
