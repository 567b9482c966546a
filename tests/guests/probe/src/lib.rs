//! A provider whose answers are decided by the model's name: how a stream begins, goes on and ends
//! is what the tests want to see.

mod bindings {
    wit_bindgen::generate!({
        world: "provider-plugin",
        path: "../../../wit/since-v0.1.0",
    });
}

use std::cell::Cell;

use bindings::exports::inkstone::plugin::provider::{
    Completion, Guest, GuestCompletion, Model, ModelKind,
};
use bindings::inkstone::plugin::chat::{Chunk, EmbedReply, EmbedRequest, FinishReason, Request};
use bindings::inkstone::plugin::types::{Error, ErrorKind, Usage};
use bindings::inkstone::plugin::{http, inference};

struct Probe;

bindings::export!(Probe with_types_in bindings);

/// The stamp that the SDK writes for others.
#[used]
#[unsafe(link_section = "inkstone:api-version")]
static API_VERSION_STAMP: [u8; 5] = *b"0.1.0";

impl Guest for Probe {
    type Completion = Answer;

    fn models() -> Result<Vec<Model>, Error> {
        Ok(vec![Model {
            id: "count".to_owned(),
            kind: ModelKind::Chat,
            context_length: Some(7),
        }])
    }

    fn validate_connection() -> Result<String, Error> {
        get().map(|response| format!("status {}", response.status))
    }

    fn complete(request: Request) -> Result<Completion, Error> {
        let answer = match request.model.as_str() {
            "count" => Answer::Count(Cell::new(0)),
            "trap-after-two" => Answer::TrapAfterTwo(Cell::new(0)),
            "spin" => Answer::Spin,
            "http" => Answer::Http(get()?.body),
            "local" => Answer::Local(inference::generate(&inference::GenerateRequest {
                model: "m".to_owned(),
                prompt: "p".to_owned(),
                max_tokens: 3,
                temperature: 0.0,
                top_p: None,
                top_k: None,
                repeat_penalty: 1.0,
                seed: 1,
                stop: Vec::new(),
            })?),
            "limited" => {
                return Err(Error {
                    kind: ErrorKind::RateLimited,
                    message: "come back later".to_owned(),
                    retry_after_ms: Some(1500),
                    upstream_status: Some(429),
                });
            }
            other => {
                return Err(Error {
                    kind: ErrorKind::NotFound,
                    message: format!("no model {other}"),
                    retry_after_ms: None,
                    upstream_status: None,
                });
            }
        };
        Ok(Completion::new(answer))
    }

    fn embed(request: EmbedRequest) -> Result<EmbedReply, Error> {
        // One vector too few where it is asked to be wrong.
        let kept = request.inputs.len() - usize::from(request.model == "short");
        Ok(EmbedReply {
            vectors: vec![vec![0.5, 0.5]; kept],
            usage: usage(1),
        })
    }
}

enum Answer {
    Count(Cell<u64>),
    TrapAfterTwo(Cell<u64>),
    Spin,
    Http(http::Body),
    Local(inference::Generation),
}

impl GuestCompletion for Answer {
    fn next(&self) -> Result<Option<Chunk>, Error> {
        match self {
            Self::Count(count) => {
                count.set(count.get() + 1);
                Ok(match count.get() {
                    number @ 1..=3 => Some(Chunk::Text(number.to_string())),
                    4 => Some(Chunk::Usage(usage(3))),
                    5 => Some(Chunk::Finish(FinishReason::Stop)),
                    _ => None,
                })
            }
            Self::TrapAfterTwo(count) => {
                count.set(count.get() + 1);
                if count.get() > 2 {
                    std::process::abort();
                }
                Ok(Some(Chunk::Text(count.get().to_string())))
            }
            Self::Spin => loop {
                std::hint::black_box(0);
            },
            Self::Http(body) => {
                let piece = body.read()?;
                Ok(piece.map(|piece| Chunk::Text(String::from_utf8_lossy(&piece).into_owned())))
            }
            Self::Local(generation) => Ok(generation.next()?.map(|event| match event {
                inference::Event::Text(text) => Chunk::Text(text),
                inference::Event::Done(done) => Chunk::Usage(usage(u64::from(done.output_tokens))),
            })),
        }
    }
}

fn usage(output_tokens: u64) -> Usage {
    Usage {
        input_tokens: 1,
        output_tokens,
        cached_input_tokens: 0,
        reasoning_tokens: 0,
    }
}

fn get() -> Result<http::Response, Error> {
    http::send(&http::Request {
        method: "GET".to_owned(),
        url: "http://upstream.test/stream".to_owned(),
        headers: Vec::new(),
        body: None,
        credential: None,
        timeout_ms: None,
    })
}
