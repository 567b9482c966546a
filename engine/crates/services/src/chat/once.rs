//! Calls with an `Idempotency-Key`: made in a task of their own, so that they end whoever leaves; the
//! answer is in the store before anybody has read the last of it, and the cost in the ledger after.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, stream};
use inkstone_domain::chat::{Chunk, Request};
use inkstone_domain::ids::UsageId;
use inkstone_domain::principal::Principal;
use inkstone_domain::usage::{CacheUse, UsageRecord};
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use super::cached::{said_again, signature};
use super::{Chat, ChatStream, RequestContext};
use crate::gateway::idempotency::{Begun, Held};
use crate::gateway::kept::{Kept, Signature, digest_of};
use crate::gateway::settlement;

/// Pieces between the call and its caller.
const PIECES: usize = 64;

impl Chat {
    /// The answer to this key: made now, or kept.
    pub(super) async fn once(
        self: &Arc<Self>,
        principal: &Principal,
        context: &RequestContext,
        key: &str,
        request: Request,
    ) -> Result<ChatStream> {
        let digest = digest_of(&("chat", &request))?;
        let held = match self.idempotency.begin(principal, key, digest).await? {
            Begun::Mine(held) => held,
            Begun::Done(body) => {
                let kept: Kept<Vec<Chunk>> = Kept::of_bytes(&body)?;
                self.make_good(kept.records);
                return Ok(said_again(kept.by, kept.answer, CacheUse::None, true));
            }
        };
        let (begun, beginning) = oneshot::channel();
        let (sender, pieces) = mpsc::channel(PIECES);
        let chat = Arc::clone(self);
        let (principal, context) = (principal.clone(), context.clone());
        self.tries.attempts.recorder.spawn(async move {
            let records = settlement::Held::default();
            let started = chat
                .answer(&principal, &context, request, Some(Arc::clone(&records)))
                .await;
            match started {
                Err(error) => {
                    drop(held);
                    chat.make_good(taken(&records));
                    let _ = begun.send(Err(error));
                }
                Ok(mut answer) => {
                    let by = signature(&answer);
                    let chunks = std::mem::replace(&mut answer.chunks, Box::pin(stream::empty()));
                    let _ = begun.send(Ok(answer));
                    chat.see_through(held, by, chunks, sender, records).await;
                }
            }
        });
        let mut answer = beginning.await.map_err(|_| broke_off())??;
        let pieces = stream::unfold(pieces, |mut pieces| async {
            let piece = pieces.recv().await?;
            Some((piece, pieces))
        });
        answer.chunks = Box::pin(pieces);
        Ok(answer)
    }

    /// Reads the answer to its end, keeps it, and only then hands out the last piece.
    async fn see_through(
        &self,
        held: Box<Held>,
        by: Signature,
        mut chunks: inkstone_domain::chat::ChunkStream,
        sender: mpsc::Sender<Result<Chunk>>,
        records: settlement::Held,
    ) {
        let mut all = Vec::new();
        let mut last = None;
        while let Some(item) = chunks.next().await {
            match item {
                Ok(chunk @ Chunk::Usage(_)) => {
                    all.push(chunk.clone());
                    last = Some(chunk);
                }
                Ok(chunk) => {
                    all.push(chunk.clone());
                    // Whoever has left comes back for all of it.
                    let _ = sender.send(Ok(chunk)).await;
                }
                Err(error) => {
                    drop((held, chunks));
                    self.make_good(taken(&records));
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            }
        }
        let records = taken(&records);
        let kept = Kept {
            by,
            answer: all,
            records: records.clone(),
        };
        let done = keep(held, &kept).await;
        self.make_good(records);
        let last = match (done, last) {
            (Err(error), _) => Some(Err(error)),
            (Ok(()), last) => last.map(Ok),
        };
        if let Some(last) = last {
            let _ = sender.send(last).await;
        }
    }

    /// The same for calls that are answered in one piece. `call` gets where its records shall wait. Tells
    /// whether the answer was kept.
    pub(super) async fn once_whole<T, F>(
        self: &Arc<Self>,
        principal: &Principal,
        key: &str,
        request: &impl Serialize,
        call: impl FnOnce(Arc<Self>, settlement::Held) -> F + Send + 'static,
    ) -> Result<(T, bool)>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let digest = digest_of(request)?;
        let held = match self.idempotency.begin(principal, key, digest).await? {
            Begun::Mine(held) => held,
            Begun::Done(body) => {
                let kept: Whole<T> = serde_json::from_slice(&body).map_err(|_| broke_off())?;
                self.make_good(kept.records);
                return Ok((kept.answer, true));
            }
        };
        let (begun, done) = oneshot::channel();
        let chat = Arc::clone(self);
        self.tries.attempts.recorder.spawn(async move {
            let records = settlement::Held::default();
            let answer = call(Arc::clone(&chat), Arc::clone(&records)).await;
            let records = taken(&records);
            let answer = match answer {
                Ok(answer) => {
                    let whole = Whole {
                        answer,
                        records: records.clone(),
                    };
                    let body = serde_json::to_vec(&whole).map_err(|_| broke_off());
                    match body {
                        Ok(body) => held.finish(body.into()).await.map(|()| whole.answer),
                        Err(error) => Err(error),
                    }
                }
                Err(error) => {
                    drop(held);
                    Err(error)
                }
            };
            chat.make_good(records);
            let _ = begun.send(answer);
        });
        let answer = done.await.map_err(|_| broke_off())??;
        Ok((answer, false))
    }

    /// Brings records to the ledger, which passes over those it has: once, however often a key is said again.
    fn make_good(&self, records: Vec<UsageRecord>) {
        for record in records {
            if self.made_good.is_new(record.id) {
                self.tries.attempts.recorder.record(record);
            }
        }
    }
}

/// Records that were brought to the ledger by this engine. It forgets the oldest: what is brought twice is passed over.
#[derive(Default)]
pub(super) struct MadeGood(Mutex<Known>);

#[derive(Default)]
struct Known {
    ids: HashSet<UsageId>,
    in_order: VecDeque<UsageId>,
}

/// Some megabytes.
const KNOWN: usize = 65_536;

impl MadeGood {
    /// Whether it comes for the first time.
    fn is_new(&self, id: UsageId) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.ids.insert(id) {
            return false;
        }
        known.in_order.push_back(id);
        if known.in_order.len() > KNOWN
            && let Some(oldest) = known.in_order.pop_front()
        {
            known.ids.remove(&oldest);
        }
        true
    }
}

/// An answer in one piece, as it is kept.
#[derive(Serialize, serde::Deserialize)]
struct Whole<T> {
    answer: T,
    records: Vec<UsageRecord>,
}

async fn keep(held: Box<Held>, kept: &Kept<Vec<Chunk>>) -> Result<()> {
    held.finish(kept.to_bytes()?).await
}

fn taken(records: &settlement::Held) -> Vec<UsageRecord> {
    std::mem::take(&mut *records.lock().unwrap_or_else(PoisonError::into_inner))
}

fn broke_off() -> Error {
    Error::new(
        &codes::INTERNAL,
        "the call broke off; ask again with the same `Idempotency-Key`",
    )
}
