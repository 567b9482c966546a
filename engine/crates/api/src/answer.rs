//! An answer of a model between the gateway and a client, the same for every dialect: asked for, awaited
//! to its first chunk, then read to its end or driven as server-sent events. What stands in a reply or an
//! event is the business of an [`AnswerWriter`], one per dialect in `wire`.

mod driver;
mod frame;
mod pairing;

use std::time::{Duration, Instant};

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use futures::StreamExt;
use futures::future::{try_join, try_join_all};
use inkstone_domain::chat::{Chunk, ChunkStream, Reply, Request};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result};
use inkstone_services::RequestContext;
use inkstone_services::chat::{ChatStream, Facts};
use inkstone_services::gateway::{CacheMode, CacheWish};

use crate::middleware::{RequestId, Waited};
use crate::reply::{answered_by, had_by, streamed};
use crate::state::ApiState;

use self::driver::Driver;
pub(crate) use self::frame::EventFrame;
use self::pairing::Pairing;
pub(crate) use self::pairing::Said;

const X_INKSTONE_PROVIDER: HeaderName = HeaderName::from_static("x-inkstone-provider");

/// Turns what models say into one dialect. The order of calls: `open`, any number of `write`, then
/// `close` or `fail`, once.
pub(crate) trait AnswerWriter: Unpin + Send + 'static {
    /// What stands before the first chunk.
    fn open(&mut self, frame: &mut EventFrame);

    /// One thing that was said; `choice` counts from 0. An error ends the stream with [`Self::fail`].
    fn write(&mut self, choice: usize, said: Said, frame: &mut EventFrame) -> Result<()>;

    /// All choices are complete.
    fn close(&mut self, frame: &mut EventFrame);

    /// It broke; nothing comes after this.
    fn fail(&mut self, error: &Error, frame: &mut EventFrame);

    /// Something to keep proxies from closing a quiet stream.
    fn keep_alive(&mut self, frame: &mut EventFrame) {
        frame.comment();
    }
}

/// Answers that have begun: one per choice. Dropping them cancels the calls.
pub(crate) struct Answers {
    head: Head,
    /// The `provider/model` of each choice.
    models: Vec<String>,
    streams: Vec<ChunkStream>,
    has_logprobs: bool,
    asked: Instant,
}

/// Who answers (the first choice, where there are several), and how long that took: what the headers of a
/// reply say.
pub(crate) struct Head {
    plugin: String,
    version: String,
    facts: Facts,
    waited: Duration,
}

/// An answer read to its end.
pub(crate) struct WholeReply {
    pub reply: Reply,
    /// Whether another model than the first went on with it.
    pub is_rerouted: bool,
}

impl Answers {
    /// Asks once per choice, all at the same time. Returns once each has its first chunk; where one fails
    /// before, all do.
    pub(crate) async fn ask(
        state: &ApiState,
        principal: &Principal,
        context: &RequestContext,
        request: Request,
        choices: usize,
    ) -> Result<Self> {
        let has_logprobs = request.logprobs.is_some();
        let asked = Instant::now();
        let chat = &state.services.chat;
        let others = try_join_all((1..choices).map(|choice| {
            let context = another_context(context, choice);
            let request = another_request(&request, choice);
            async move { chat.stream(principal, &context, request).await }
        }));
        let first = chat.stream(principal, context, request);
        let (first, others) = try_join(first, others).await?;
        let mut models = vec![first.model];
        let mut streams = vec![first.chunks];
        for answer in others {
            models.push(answer.model);
            streams.push(answer.chunks);
        }
        Ok(Self {
            head: Head {
                plugin: first.plugin,
                version: first.plugin_version,
                facts: first.facts,
                waited: asked.elapsed(),
            },
            models,
            streams,
            has_logprobs,
            asked,
        })
    }

    /// One that a service has begun.
    pub(crate) fn of(stream: ChatStream, asked: Instant) -> Self {
        Self {
            head: Head {
                plugin: stream.plugin,
                version: stream.plugin_version,
                facts: stream.facts,
                waited: asked.elapsed(),
            },
            models: vec![stream.model],
            streams: vec![stream.chunks],
            has_logprobs: false,
            asked,
        }
    }

    /// The id of the answer, without a prefix. One that was stored keeps its own.
    pub(crate) fn id(&self) -> &str {
        &self.head.facts.id
    }

    /// When it was made, in seconds since 1970.
    pub(crate) fn created(&self) -> i64 {
        self.head.facts.created_at.timestamp()
    }

    /// The `provider/model` of each choice, in their order.
    pub(crate) fn models(&self) -> &[String] {
        &self.models
    }

    /// The `provider/model` of the first choice.
    pub(crate) fn model(&self) -> &str {
        self.models.first().map_or("", String::as_str)
    }

    /// Reads all choices to their ends.
    pub(crate) async fn replies(mut self) -> Result<(Vec<WholeReply>, Head)> {
        let choices = self.models.into_iter().zip(self.streams);
        let replies = try_join_all(choices.map(|(model, chunks)| whole(model, chunks))).await?;
        self.head.waited = self.asked.elapsed();
        Ok((replies, self.head))
    }

    /// Has `writer` take in the only choice to its end, without any event.
    pub(crate) async fn read<W: AnswerWriter>(mut self, mut writer: W) -> Result<(W, Head)> {
        let mut frame = EventFrame::muted();
        writer.open(&mut frame);
        for (choice, mut chunks) in self.streams.into_iter().enumerate() {
            let mut pairing = Pairing::new(self.has_logprobs);
            while let Some(chunk) = chunks.next().await {
                for said in pairing.push(chunk?) {
                    writer.write(choice, said, &mut frame)?;
                }
            }
            if let Some(said) = pairing.rest() {
                writer.write(choice, said, &mut frame)?;
            }
        }
        writer.close(&mut frame);
        self.head.waited = self.asked.elapsed();
        Ok((writer, self.head))
    }

    /// The reply whose events `writer` writes while the models speak.
    pub(crate) fn stream<W: AnswerWriter>(self, writer: W, request_id: RequestId) -> Response {
        let events = Driver::new(self.streams, self.has_logprobs, writer, request_id);
        let mut response = Response::new(streamed(events));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        self.head.tell_in(response)
    }
}

impl Head {
    /// Sets the headers that tell who answered.
    pub(crate) fn tell_in(self, mut response: Response) -> Response {
        if let Ok(provider) = HeaderValue::try_from(self.plugin.as_str()) {
            response.headers_mut().insert(X_INKSTONE_PROVIDER, provider);
        }
        let response = answered_by(response, &self.plugin, &self.version);
        let response = had_by(response, &self.facts);
        Waited(self.waited).note(response)
    }
}

/// Every choice is a call of its own: it has its own idempotency key, and the answer of the first one, which
/// may be in the cache, is none to the others.
fn another_context(context: &RequestContext, choice: usize) -> RequestContext {
    let key = context.idempotency_key.as_ref();
    RequestContext {
        idempotency_key: key.map(|key| format!("{key}/{choice}")),
        cache: CacheWish {
            mode: Some(CacheMode::Off),
            ..context.cache
        },
        ..context.clone()
    }
}

/// The same seed would give the same answer again.
fn another_request(request: &Request, choice: usize) -> Request {
    let mut request = request.clone();
    let seed = request.sampling.seed.as_mut();
    if let Some(seed) = seed {
        *seed = seed.wrapping_add(choice as u64);
    }
    request
}

async fn whole(model: String, mut chunks: ChunkStream) -> Result<WholeReply> {
    let mut whole = WholeReply {
        reply: Reply {
            model,
            ..Reply::default()
        },
        is_rerouted: false,
    };
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        whole.is_rerouted |= matches!(chunk, Chunk::Rerouted(_));
        whole.reply.push(chunk);
    }
    Ok(whole)
}
