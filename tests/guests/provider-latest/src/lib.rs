//! A provider on the newest version of the contract. The models are named as those of `probe`, which
//! stays on 0.1.0, so that a test can ask both the same.

mod bindings {
    wit_bindgen::generate!({
        world: "provider-plugin",
        path: "../../../wit/since-v0.2.0",
    });
}

use std::cell::Cell;

use bindings::exports::inkstone::plugin::provider::{
    Completion, Guest, GuestCompletion, Model, ModelKind,
};
use bindings::inkstone::plugin::chat::{
    Chunk, EmbedReply, EmbedRequest, FinishReason, Ranked, Request, RerankReply, RerankRequest,
};
use bindings::inkstone::plugin::types::{Error, ErrorKind, Usage};
use bindings::inkstone::plugin::{http, inference};

struct Latest;

bindings::export!(Latest with_types_in bindings);

/// The stamp that the SDK writes for others.
#[used]
#[unsafe(link_section = "inkstone:api-version")]
static API_VERSION_STAMP: [u8; 5] = *b"0.2.0";

impl Guest for Latest {
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
                    code: Some("insufficient_quota".to_owned()),
                });
            }
            other => {
                return Err(Error {
                    kind: ErrorKind::NotFound,
                    message: format!("no model {other}"),
                    retry_after_ms: None,
                    upstream_status: None,
                    code: None,
                });
            }
        };
        Ok(Completion::new(answer))
    }

    fn embed(request: EmbedRequest) -> Result<EmbedReply, Error> {
        Ok(EmbedReply {
            vectors: vec![vec![0.5, 0.5]; request.inputs.len()],
            usage: usage(1),
        })
    }

    fn rerank(request: RerankRequest) -> Result<RerankReply, Error> {
        let indexes = (0..request.documents.len() as u32).rev();
        Ok(RerankReply {
            results: indexes.map(|index| Ranked { index, score: 0.5 }).collect(),
            usage: usage(0),
            search_units: 1,
        })
    }
}

enum Answer {
    Count(Cell<u64>),
    Http(http::Body),
    Local(inference::Generation),
}

impl GuestCompletion for Answer {
    /// The last two things of the counting model come together.
    fn next(&self) -> Result<Vec<Chunk>, Error> {
        if let Self::Count(count) = self
            && count.get() == 3
        {
            count.set(5);
            return Ok(vec![
                Chunk::Usage(usage(3)),
                Chunk::Finish(FinishReason::Stop),
            ]);
        }
        Ok(self.one()?.into_iter().collect())
    }
}

impl Answer {
    fn one(&self) -> Result<Option<Chunk>, Error> {
        match self {
            Self::Count(count) => {
                count.set(count.get() + 1);
                Ok(match count.get() {
                    number @ 1..=3 => Some(Chunk::Text(number.to_string())),
                    _ => None,
                })
            }
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
