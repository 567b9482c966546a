//! A provider that does harm on demand: the model's name says what, and to whom. `WORD`, or
//! `WORD URL`; each word is one way to misuse the network, a stream or a resource, and the tests say
//! what the host must make of it.

mod bindings {
    wit_bindgen::generate!({
        world: "provider-plugin",
        path: "../../../wit/since-v0.1.0",
    });
}

mod memory;

use std::cell::Cell;
use std::hint::black_box;

use bindings::exports::inkstone::plugin::provider::{Completion, Guest, GuestCompletion, Model};
use bindings::inkstone::plugin::chat::{Chunk, EmbedReply, EmbedRequest, Request};
use bindings::inkstone::plugin::http;
use bindings::inkstone::plugin::types::{Error, ErrorKind, Usage};

struct Hostile;

bindings::export!(Hostile with_types_in bindings);

/// The stamp that the SDK writes for others.
#[used]
#[unsafe(link_section = "inkstone:api-version")]
static API_VERSION_STAMP: [u8; 5] = *b"0.1.0";

impl Guest for Hostile {
    type Completion = Answer;

    fn models() -> Result<Vec<Model>, Error> {
        Ok(Vec::new())
    }

    fn validate_connection() -> Result<String, Error> {
        Ok(String::new())
    }

    fn complete(asked: Request) -> Result<Completion, Error> {
        let (word, url) = asked.model.split_once(' ').unwrap_or((&asked.model, ""));
        let answer = match word {
            "ok" => Answer::Once(Cell::new(false)),
            "get" => Answer::Body(send(get(url))?.body),
            "own-credential" => Answer::Body(send(with_credential("own", url))?.body),
            "unbound-credential" => Answer::Body(send(with_credential("unbound", url))?.body),
            "anothers-credential" => Answer::Body(send(with_credential("of-another", url))?.body),
            "smuggle-value" => Answer::Body(send(smuggled("x-mine", url))?.body),
            "smuggle-name" => Answer::Body(send(smuggled("x-mine: 1\r\nx-other", url))?.body),
            "smuggle-method" => {
                let method = "GET / HTTP/1.1\r\nhost: other.test\r\n\r\nGET".to_owned();
                Answer::Body(send(http::Request { method, ..get(url) })?.body)
            }
            "smuggle-framing" => Answer::Body(send(framed_twice(url))?.body),
            "hoard" => hoard(url)?,
            "hammer" => loop {
                black_box(send(get(url))?);
            },
            "keep" => Answer::Keep(send(get(url))?.body),
            "swallow" => Answer::Swallow(send(get(url))?.body),
            "endless" => Answer::Endless,
            "spin" => Answer::Spin,
            "big-chunk" => Answer::BigChunk,
            "trap-after-two" => Answer::TrapAfterTwo(Cell::new(0)),
            "use-after-drop" => use_after_drop(url)?,
            "forged-handle" => Answer::Body(forged()),
            "drop-twice" => {
                let body = send(get(url))?.body;
                drop(alias(&body));
                Answer::Body(body)
            }
            "dump-memory" => {
                let response = send(with_credential("own", url))?;
                Answer::Memory(memory::Dump::after(response)?)
            }
            other => return Err(unsupported(format!("no such harm: {other}"))),
        };
        Ok(Completion::new(answer))
    }

    fn embed(_request: EmbedRequest) -> Result<EmbedReply, Error> {
        Err(unsupported("no embeddings here".to_owned()))
    }
}

enum Answer {
    Once(Cell<bool>),
    /// The upstream's words as they come.
    Body(http::Body),
    /// The same, all at once and in memory.
    Keep(http::Body),
    /// The same, read to the end and forgotten.
    Swallow(http::Body),
    Hoard(Vec<http::Body>),
    Endless,
    Spin,
    BigChunk,
    TrapAfterTwo(Cell<u64>),
    Memory(memory::Dump),
}

impl GuestCompletion for Answer {
    fn next(&self) -> Result<Option<Chunk>, Error> {
        match self {
            Self::Once(said) => Ok((!said.replace(true)).then(|| text("ok"))),
            Self::Body(body) => {
                let piece = body.read()?;
                Ok(piece.map(|piece| text(&String::from_utf8_lossy(&piece))))
            }
            Self::Keep(body) => {
                let mut all = Vec::new();
                while let Some(piece) = body.read()? {
                    all.push(piece);
                }
                Ok(Some(text(&black_box(all).len().to_string())))
            }
            Self::Swallow(body) => {
                while let Some(piece) = body.read()? {
                    black_box(piece);
                }
                Ok(None)
            }
            Self::Hoard(bodies) => Ok(Some(text(&bodies.len().to_string()))),
            Self::Endless => Ok(Some(text("and"))),
            Self::Spin => loop {
                black_box(0);
            },
            Self::BigChunk => Ok(Some(text(&"x".repeat(2 << 20)))),
            Self::TrapAfterTwo(count) => {
                count.set(count.get() + 1);
                if count.get() > 2 {
                    std::process::abort();
                }
                Ok(Some(Chunk::Usage(Usage {
                    input_tokens: u64::MAX,
                    output_tokens: u64::MAX,
                    cached_input_tokens: 0,
                    reasoning_tokens: 0,
                })))
            }
            Self::Memory(dump) => Ok(dump.next().map(Chunk::Text)),
        }
    }
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.to_owned())
}

fn unsupported(message: String) -> Error {
    Error {
        kind: ErrorKind::Unsupported,
        message,
        retry_after_ms: None,
        upstream_status: None,
    }
}

fn send(request: http::Request) -> Result<http::Response, Error> {
    http::send(&request)
}

fn get(url: &str) -> http::Request {
    http::Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        credential: None,
        timeout_ms: None,
    }
}

fn with_credential(name: &str, url: &str) -> http::Request {
    http::Request {
        credential: Some(name.to_owned()),
        ..get(url)
    }
}

/// A header whose value ends it early and begins a request of its own.
fn smuggled(name: &str, url: &str) -> http::Request {
    let value = "1\r\n\r\nGET /secret HTTP/1.1\r\nhost: other.test\r\n\r\n".to_owned();
    http::Request {
        headers: vec![(name.to_owned(), value)],
        ..get(url)
    }
}

/// Says two things about where its body ends; the rest would be the next request.
fn framed_twice(url: &str) -> http::Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    http::Request {
        method: "POST".to_owned(),
        headers: vec![
            header("content-length", "5"),
            header("transfer-encoding", "chunked"),
            header("connection", "keep-alive, x-mine"),
            header("host", "other.test"),
        ],
        body: Some(b"0\r\n\r\nGET /secret HTTP/1.1\r\nhost: other.test\r\n\r\n".to_vec()),
        ..get(url)
    }
}

/// Opens answers and reads none of them.
fn hoard(url: &str) -> Result<Answer, Error> {
    let mut bodies = Vec::new();
    for _ in 0..5_000 {
        bodies.push(send(get(url))?.body);
    }
    Ok(Answer::Hoard(bodies))
}

/// A second owner of what has one.
fn alias(body: &http::Body) -> http::Body {
    // SAFETY: none; breaking the rule is what this guest is for, and the host has to notice.
    unsafe { http::Body::from_handle(body.handle()) }
}

fn use_after_drop(url: &str) -> Result<Answer, Error> {
    let body = send(get(url))?.body;
    let gone = alias(&body);
    drop(body);
    Ok(Answer::Body(gone))
}

/// A handle that nobody gave.
fn forged() -> http::Body {
    // SAFETY: none, as above.
    unsafe { http::Body::from_handle(4_242) }
}
