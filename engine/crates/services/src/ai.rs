//! Language models as a guest reaches them: the gateway bound to the caller, with every call noted
//! for provenance. Which guest gets this power is decided where it is called.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use async_trait::async_trait;
use futures::Stream;
use inkstone_domain::chat::{
    Chunk, ChunkStream, EmbedReply, EmbedRequest, Reply, Request, Sampling, Usage,
};
use inkstone_domain::digest::sha256;
use inkstone_domain::ports::{Ai, AiStream};
use inkstone_domain::principal::Principal;
use inkstone_domain::provenance::AiCall;
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;

use crate::chat::{Chat, ChatStream, RequestContext, elapsed_ms};
use crate::gateway::SharedImages;

/// The calls of models made for one text, in the order in which they ended.
#[derive(Clone, Default)]
pub struct CallLog(Arc<Mutex<Vec<AiCall>>>);

impl CallLog {
    /// Begins with the calls an earlier attempt made.
    pub fn seeded(calls: Vec<AiCall>) -> Self {
        Self(Arc::new(Mutex::new(calls)))
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<AiCall> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn push(&self, call: AiCall) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }
}

/// The gateway in the name of one caller.
pub struct CallerAi {
    chat: Arc<Chat>,
    principal: Principal,
    context: RequestContext,
    /// Meant by an empty name of a chat model; empty itself, it is the engine's default.
    model: String,
    log: CallLog,
}

impl CallerAi {
    /// Calls of models go in `principal`'s name and are noted in `log`.
    pub fn new(
        chat: Arc<Chat>,
        principal: Principal,
        context: RequestContext,
        model: Option<String>,
        log: CallLog,
    ) -> Self {
        Self {
            chat,
            principal,
            // The key is for the caller's one request, not for each call that comes of it.
            context: RequestContext {
                idempotency_key: None,
                images: SharedImages::default(),
                ..context
            },
            model: model.unwrap_or_default(),
            log,
        }
    }
}

#[async_trait]
impl Ai for CallerAi {
    async fn stream(&self, request: Request) -> Result<AiStream> {
        let began = Instant::now();
        let request = match request.model.is_empty() {
            true => Request {
                model: self.model.clone(),
                ..request
            },
            false => request,
        };
        let prompt_sha256 = sha256_of_json(&request.messages)?;
        let sampling = request.sampling.clone();
        let answer = self
            .chat
            .stream(&self.principal, &self.context, request)
            .await?;
        let entry = Entry {
            log: self.log.clone(),
            began,
            call: Some(begun_call(&answer, prompt_sha256, sampling)),
        };
        Ok(AiStream {
            model: answer.model,
            chunks: Box::pin(Noted {
                chunks: answer.chunks,
                entry,
            }),
        })
    }

    async fn complete(&self, request: Request) -> Result<Reply> {
        let mut answer = self.stream(request).await?;
        let mut reply = Reply {
            model: answer.model,
            ..Reply::default()
        };
        while let Some(chunk) = futures::StreamExt::next(&mut answer.chunks).await {
            reply.push(chunk?);
        }
        Ok(reply)
    }

    async fn embed(&self, request: EmbedRequest) -> Result<EmbedReply> {
        let began = Instant::now();
        let prompt_sha256 = sha256_of_json(&request.inputs)?;
        let embedded = self
            .chat
            .embed(&self.principal, &self.context, request)
            .await?;
        self.log.push(AiCall {
            model: embedded.model,
            provider: embedded.plugin,
            provider_version: embedded.plugin_version,
            provider_digest: embedded.plugin_digest,
            prompt_sha256,
            sampling: Sampling::default(),
            usage: embedded.reply.usage,
            duration_ms: elapsed_ms(began),
        });
        Ok(embedded.reply)
    }
}

/// Notes the call once the stream is dropped: whatever came of it by then may be part of the text.
struct Entry {
    log: CallLog,
    began: Instant,
    /// Taken when it is noted.
    call: Option<AiCall>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.note();
    }
}

impl Entry {
    fn note(&mut self) {
        if let Some(mut call) = self.call.take() {
            call.duration_ms = elapsed_ms(self.began);
            self.log.push(call);
        }
    }

    fn spent(&mut self, usage: Usage) {
        if let Some(call) = &mut self.call {
            call.usage = usage;
        }
    }
}

struct Noted {
    chunks: ChunkStream,
    entry: Entry,
}

impl Stream for Noted {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.chunks.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(Chunk::Usage(usage)))) = &polled {
            // The last chunk of every answer that came to its end.
            self.entry.spent(*usage);
            self.entry.note();
        }
        polled
    }
}

fn begun_call(answer: &ChatStream, prompt_sha256: String, sampling: Sampling) -> AiCall {
    AiCall {
        model: answer.model.clone(),
        provider: answer.plugin.clone(),
        provider_version: answer.plugin_version.clone(),
        provider_digest: answer.plugin_digest.clone(),
        prompt_sha256,
        sampling,
        usage: Usage::default(),
        duration_ms: 0,
    }
}

fn sha256_of_json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    let json = serde_json::to_vec(value).map_err(|error| {
        Error::new(&codes::INTERNAL, "the prompt could not be written as JSON").with_source(error)
    })?;
    Ok(sha256(&json))
}
