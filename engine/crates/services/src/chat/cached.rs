//! Calls that may be answered from the cache, and the keeping of answers for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures::Stream;
use inkstone_domain::Result;
use inkstone_domain::chat::{Chunk, ChunkStream, EmbedRequest, Request, Usage};
use inkstone_domain::ids::UsageId;
use inkstone_domain::kept_reply::Meaning;
use inkstone_domain::money::Money;
use inkstone_domain::principal::Principal;
use inkstone_domain::usage::{CacheUse, Outcome, UsageRecord};

use super::{Chat, ChatStream, Facts, RequestContext};
use crate::gateway::RateInfo;
use crate::gateway::cache::{AnswerCache, Entry, Flight, Place};
use crate::gateway::estimate;
use crate::gateway::kept::{Kept, Signature, say_again};
use crate::gateway::settlement::Caller;
use crate::models::ModelKindAsked;

/// For an answer that somebody else is reading, perhaps slowly; then the call is made again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What the cache has for a call.
pub(super) enum Looked<T> {
    /// The answer.
    Hit(Box<ChatStream>),
    /// Nothing; this is where the answer is to be put, or what else is known of it by now.
    Miss(Option<T>),
}

/// Where an answer may be found, or be put.
pub(super) struct Looking {
    place: Place,
    /// Others wait for this answer.
    flight: Option<Flight>,
}

/// Where an answer is to be put.
pub(super) struct Keeping {
    cache: Arc<AnswerCache>,
    place: Place,
    meaning: Option<Meaning>,
    /// Others wait for this answer.
    _flight: Option<Flight>,
}

impl Chat {
    /// Looks into the cache, and waits where the same call is under way. It costs nothing. `model` is the
    /// resolved name.
    pub(super) async fn look(
        self: &Arc<Self>,
        principal: &Principal,
        context: &RequestContext,
        model: &str,
        request: &Request,
    ) -> Result<Looked<Looking>> {
        let place = self
            .cache
            .place(principal, &context.cache, model, request)?;
        let Some(place) = place else {
            return Ok(Looked::Miss(None));
        };
        let mut flight = None;
        let began = Instant::now();
        loop {
            if let Some(entry) = self.cache.find(&place).await {
                let answer = self.hit(principal, context, &entry, CacheUse::Exact);
                return Ok(Looked::Hit(Box::new(answer)));
            }
            let waited = began.elapsed();
            if flight.is_some() || !place.waits() || waited >= LONGEST_WAIT {
                break;
            }
            let take_off = self.cache.take_off(&place);
            flight = tokio::time::timeout(LONGEST_WAIT - waited, take_off)
                .await
                .unwrap_or_default();
        }
        Ok(Looked::Miss(Some(Looking { place, flight })))
    }

    /// Looks for an answer to a request that means the same. That costs an embedding, within what was reserved for the
    /// call.
    pub(super) async fn compare(
        &self,
        principal: &Principal,
        context: &RequestContext,
        caller: &Caller,
        model: &str,
        request: &Request,
        looking: Option<Looking>,
    ) -> Looked<Keeping> {
        let Some(Looking { place, flight }) = looking else {
            return Looked::Miss(None);
        };
        let meaning = self
            .meaning(principal, context, caller, &place, model, request)
            .await;
        if let Some(meaning) = &meaning
            && let Some(entry) = self.cache.find_alike(&place, meaning).await
        {
            let answer = self.hit(principal, context, &entry, CacheUse::Semantic);
            return Looked::Hit(Box::new(answer));
        }
        Looked::Miss(place.writes().then(|| Keeping {
            cache: Arc::clone(&self.cache),
            place,
            meaning,
            _flight: flight,
        }))
    }

    /// A fault of the embedding model costs the comparison, not the answer. A key's list of models says nothing of
    /// it, for the engine chose it; the key and its project pay.
    async fn meaning(
        &self,
        principal: &Principal,
        context: &RequestContext,
        caller: &Caller,
        place: &Place,
        model: &str,
        request: &Request,
    ) -> Option<Meaning> {
        let words = self.cache.words_of(place, request)?;
        let asked = EmbedRequest {
            model: self.cache.embedding_model().to_owned(),
            inputs: vec![words.to_owned()],
            dimensions: None,
        };
        let caller = Arc::new(Caller {
            input_tokens: estimate::tokens_of(words.len()),
            ..caller.again()
        });
        let resolve = self.resolve(principal, context, ModelKindAsked::Embedding);
        let embedded = async {
            let stage = resolve(&asked.model)?;
            self.embedded(principal, context, &caller, stage, resolve, &asked)
                .await
        };
        let embedded = embedded
            .await
            .inspect_err(|error| tracing::warn!(?error, "a request's meaning is not known"))
            .ok()?;
        let vector = embedded.reply.vectors.into_iter().next()?;
        self.cache.meaning(model, request, vector).ok()
    }

    /// The kept answer as a stream. It costs nothing, and the ledger says where it came from.
    fn hit(
        &self,
        principal: &Principal,
        context: &RequestContext,
        entry: &Entry,
        cache: CacheUse,
    ) -> ChatStream {
        let kept = &entry.kept;
        let recorder = &self.tries.attempts.recorder;
        recorder.record(UsageRecord {
            id: UsageId::new(),
            at: recorder.now(),
            request_id: context.request_id.clone(),
            attempt: 0,
            user: principal.user,
            key: principal.key.as_ref().map(|key| key.id),
            project: super::project_of(principal),
            job: context.job,
            plugin: kept.by.plugin.clone(),
            plugin_version: kept.by.plugin_version.clone(),
            model: kept.by.model.clone(),
            usage: Usage::default(),
            cost: Money::ZERO,
            cache,
            outcome: Outcome::Succeeded,
            error_code: None,
            latency_ms: 0,
            first_chunk_ms: None,
        });
        said_again(kept.by.clone(), kept.answer.clone(), cache, false)
    }
}

/// A kept answer as a stream.
pub(super) fn said_again(
    by: Signature,
    chunks: Vec<Chunk>,
    cache: CacheUse,
    is_replay: bool,
) -> ChatStream {
    ChatStream {
        model: by.model,
        plugin: by.plugin,
        plugin_version: by.plugin_version,
        plugin_digest: by.plugin_digest,
        facts: Facts {
            id: by.id,
            created_at: by.created_at,
            attempts: 0,
            rate: RateInfo::default(),
            cache,
            is_replay,
        },
        chunks: say_again(chunks),
    }
}

/// Who answers, for keeping.
pub(super) fn signature(answer: &ChatStream) -> Signature {
    Signature {
        id: answer.facts.id.clone(),
        created_at: answer.facts.created_at,
        model: answer.model.clone(),
        plugin: answer.plugin.clone(),
        plugin_version: answer.plugin_version.clone(),
        plugin_digest: answer.plugin_digest.clone(),
    }
}

impl Keeping {
    /// Keeps the answer once it is whole; one that breaks off is not kept.
    pub fn of(self, mut answer: ChatStream) -> ChatStream {
        let kept = Kept {
            by: signature(&answer),
            answer: Vec::new(),
            records: Vec::new(),
        };
        let chunks = std::mem::replace(&mut answer.chunks, say_again(Vec::new()));
        answer.chunks = Box::pin(Recorded {
            chunks,
            kept: Some((self, kept)),
        });
        answer
    }
}

struct Recorded {
    chunks: ChunkStream,
    /// Taken at the end.
    kept: Option<(Keeping, Kept<Vec<Chunk>>)>,
}

impl Stream for Recorded {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.chunks.as_mut().poll_next(context));
        match &item {
            Some(Ok(chunk)) => {
                let is_last = matches!(chunk, Chunk::Usage(_));
                if let Some((_, kept)) = &mut self.kept {
                    kept.answer.push(chunk.clone());
                }
                if is_last && let Some((keeping, kept)) = self.kept.take() {
                    keeping.cache.put(&keeping.place, kept, keeping.meaning);
                }
            }
            Some(Err(_)) | None => self.kept = None,
        }
        Poll::Ready(item)
    }
}
