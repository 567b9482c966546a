//! A provider that says what the test tells it to.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use inkstone_domain::chat::{
    Chunk, ChunkStream, EmbedReply, EmbedRequest, FinishReason, Model, ModelKind, Part, Ranked,
    Request, RerankReply, RerankRequest, Usage,
};
use inkstone_domain::outbound::Handed;
use inkstone_domain::ports::{GuestCall, Provider};
use inkstone_domain::{Error, Result, codes};

use super::Gate;
use crate::sample;

/// More bytes than any request of a test has.
const EVERYTHING: usize = 1 << 30;

/// One step of an answer.
#[derive(Clone)]
pub enum Say {
    Chunk(Chunk),
    Fail(Error),
    /// Waits there, with the request at the upstream; dropping the answer meanwhile is what a caller who leaves does.
    Wait(Gate),
    /// As many tokens as the request allows, and ten thousand where it says nothing; then the end.
    Everything,
}

impl Say {
    /// A piece of text.
    pub fn text(text: &str) -> Self {
        Self::Chunk(Chunk::Text(text.to_owned()))
    }

    /// The usual end of an answer.
    pub fn end(input_tokens: u64, output_tokens: u64) -> [Self; 2] {
        [
            Self::Chunk(Chunk::Finish(FinishReason::Stop)),
            Self::Chunk(Chunk::Usage(Usage {
                input_tokens,
                output_tokens,
                ..Usage::default()
            })),
        ]
    }
}

/// Answers from a queue of scripts; without one it repeats the last message, and counts words as tokens.
#[derive(Default)]
pub struct FakeProvider {
    models: Vec<Model>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    scripts: VecDeque<Vec<Say>>,
    list_failure: Option<Error>,
    requests: Vec<(GuestCallSeen, Request)>,
    listings: usize,
    /// With the number of texts that went to the upstream before.
    embed_failures: VecDeque<(usize, Error)>,
    embed_gate: Option<Gate>,
    rerank_failures: VecDeque<Error>,
    rerank_gate: Option<Gate>,
    reranked: Vec<RerankRequest>,
    searches: Option<u64>,
    embedded: Vec<String>,
}

/// What a guest call carried, as far as it can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GuestCallSeen {
    request_id: String,
    has_powers: bool,
}

impl FakeProvider {
    /// Offers these chat models, and for embeddings `embed`, which knows lengths, and `meaning`, which knows
    /// [`sample::meaning`].
    pub fn new(models: &[&str]) -> Self {
        let chat = models.iter().map(|id| Model {
            id: (*id).to_owned(),
            kind: ModelKind::Chat,
            context_length: Some(4_096),
        });
        let embedding = Model {
            id: "embed".to_owned(),
            kind: ModelKind::Embedding,
            context_length: Some(512),
        };
        Self {
            models: chat.chain([embedding]).collect(),
            state: Mutex::default(),
        }
    }

    /// Queues the next answer.
    pub fn will_say(&self, script: impl IntoIterator<Item = Say>) {
        self.state().scripts.push_back(script.into_iter().collect());
    }

    /// From now on the list of models fails like this, or works again.
    pub fn will_list(&self, failure: Option<Error>) {
        self.state().list_failure = failure;
    }

    /// The next embedding fails like this.
    pub fn will_not_embed(&self, failure: Error) {
        self.will_not_embed_after(0, failure);
    }

    /// The next embedding fails like this, once an upstream has so many of its texts.
    pub fn will_not_embed_after(&self, texts: usize, failure: Error) {
        self.state().embed_failures.push_back((texts, failure));
    }

    /// From now on embeddings wait there.
    pub fn will_embed_behind(&self, gate: Gate) {
        self.state().embed_gate = Some(gate);
    }

    /// The next documents are not ranked, and it fails like this.
    pub fn will_not_rerank(&self, failure: Error) {
        self.state().rerank_failures.push_back(failure);
    }

    /// From now on documents wait there to be ranked.
    pub fn will_rerank_behind(&self, gate: Gate) {
        self.state().rerank_gate = Some(gate);
    }

    /// From now on a ranking tells so many searches.
    pub fn will_bill_searches(&self, units: u64) {
        self.state().searches = Some(units);
    }

    /// Forgets all requests so far.
    pub fn forget(&self) {
        self.state().requests.clear();
    }

    /// All that was to be ranked so far.
    pub fn reranked(&self) -> Vec<RerankRequest> {
        self.state().reranked.clone()
    }

    /// All texts that were embedded so far.
    pub fn embedded(&self) -> Vec<String> {
        self.state().embedded.clone()
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        let state = self.state();
        state
            .requests
            .iter()
            .map(|(_, request)| request.clone())
            .collect()
    }

    /// The request ids of all calls so far. Panics where a call carried powers: a provider gets none.
    pub fn request_ids(&self) -> Vec<String> {
        let state = self.state();
        assert!(state.requests.iter().all(|(call, _)| !call.has_powers));
        state
            .requests
            .iter()
            .map(|(call, _)| call.request_id.clone())
            .collect()
    }

    /// How often the models were listed.
    pub fn listings(&self) -> usize {
        self.state().listings
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Provider for FakeProvider {
    async fn models(&self, _call: &GuestCall) -> Result<Vec<Model>> {
        let mut state = self.state();
        state.listings += 1;
        match &state.list_failure {
            Some(error) => Err(error.clone()),
            None => Ok(self.models.clone()),
        }
    }

    async fn validate_connection(&self, _call: &GuestCall) -> Result<String> {
        Ok("the fake is here".to_owned())
    }

    async fn complete(&self, call: &GuestCall, request: Request) -> Result<ChunkStream> {
        let script = {
            let mut state = self.state();
            let seen = GuestCallSeen {
                request_id: call.request_id.clone(),
                has_powers: call.ai.is_some() || call.tools.is_some() || call.search.is_some(),
            };
            state.requests.push((seen, request.clone()));
            state.scripts.pop_front()
        };
        if self.models.iter().all(|model| model.id != request.model) {
            return Err(super::unknown(
                &codes::UNKNOWN_MODEL,
                "model",
                &request.model,
            ));
        }
        let script = script.unwrap_or_else(|| echo(&request));
        let written = u64::from(request.sampling.max_tokens.unwrap_or(10_000));
        let script = script.into_iter().flat_map(move |say| match say {
            Say::Everything => {
                let end = Say::end(1, written);
                [Say::text("and so on")].into_iter().chain(end).collect()
            }
            say => vec![say],
        });
        let handed = call.handed.clone();
        let chunks = stream::iter(script).filter_map(move |say| {
            let handed = handed.clone();
            async move {
                match say {
                    Say::Chunk(chunk) => Some(Ok(chunk)),
                    Say::Fail(error) => Some(Err(error)),
                    Say::Wait(gate) => {
                        hand(handed.as_deref(), EVERYTHING);
                        gate.pass().await;
                        None
                    }
                    Say::Everything => None,
                }
            }
        });
        Ok(Box::pin(chunks))
    }

    async fn embed(&self, call: &GuestCall, request: EmbedRequest) -> Result<EmbedReply> {
        let vector: fn(&str) -> Vec<f32> = match request.model.as_str() {
            "embed" => |text: &str| vec![text.len() as f32, 1.0],
            "meaning" => sample::meaning,
            unknown => return Err(super::unknown(&codes::UNKNOWN_MODEL, "model", unknown)),
        };
        let gate = self.state().embed_gate.clone();
        if let Some(gate) = gate {
            hand(call.handed.as_deref(), EVERYTHING);
            gate.pass().await;
        }
        let failure = self.state().embed_failures.pop_front();
        if let Some((texts, error)) = failure {
            let taken: usize = request.inputs.iter().take(texts).map(String::len).sum();
            if taken > 0 {
                hand(call.handed.as_deref(), taken);
            }
            return Err(error);
        }
        self.state().embedded.extend(request.inputs.iter().cloned());
        let vectors = request.inputs.iter().map(|text| vector(text)).collect();
        Ok(EmbedReply {
            vectors,
            usage: Usage {
                input_tokens: request.inputs.iter().map(|text| words(text)).sum(),
                ..Usage::default()
            },
        })
    }

    /// The documents with most words of the query first.
    async fn rerank(&self, call: &GuestCall, request: RerankRequest) -> Result<RerankReply> {
        if request.model != "rerank" {
            return Err(super::unknown(
                &codes::UNKNOWN_MODEL,
                "model",
                &request.model,
            ));
        }
        self.state().reranked.push(request.clone());
        let gate = self.state().rerank_gate.clone();
        if let Some(gate) = gate {
            hand(call.handed.as_deref(), EVERYTHING);
            gate.pass().await;
        }
        if let Some(error) = self.state().rerank_failures.pop_front() {
            return Err(error);
        }
        let score = |document: &String| -> f32 {
            let found = |word: &&str| document.contains(*word);
            request.query.split_whitespace().filter(found).count() as f32
        };
        let mut results: Vec<Ranked> = (0_u32..)
            .zip(&request.documents)
            .map(|(index, document)| Ranked {
                index,
                score: score(document),
            })
            .collect();
        results.sort_by(|one, other| other.score.total_cmp(&one.score));
        results.truncate(request.top_n.unwrap_or(u32::MAX) as usize);
        Ok(RerankReply {
            results,
            usage: Usage::default(),
            search_units: self.state().searches.unwrap_or(1),
        })
    }
}

fn echo(request: &Request) -> Vec<Say> {
    let text: String = request
        .messages
        .last()
        .into_iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let spent = words(&text);
    let pieces = text.split_inclusive(' ').map(Say::text);
    pieces.chain(Say::end(spent, spent)).collect()
}

/// A request with so much in it is at an upstream that has not answered yet.
fn hand(handed: Option<&Handed>, body_bytes: usize) {
    if let Some(handed) = handed {
        handed.begun(body_bytes);
    }
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}
