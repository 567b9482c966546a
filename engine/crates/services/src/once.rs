//! Changes with an `Idempotency-Key`: of any number of requests with one key one is made, and all get its
//! answer. What an answer is, the caller knows; model calls have the same in `chat::once`.

use std::sync::Arc;

use bytes::Bytes;
use inkstone_domain::ports::{Clock, ReplyStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;
use tokio_util::task::TaskTracker;

use crate::gateway::idempotency::{Begun, Idempotency};
use crate::gateway::kept::digest_of;

/// Makes changes once.
pub struct Once {
    idempotency: Idempotency,
    calls: TaskTracker,
}

/// What a request with a key gets.
pub enum Answer<T> {
    /// It was made now.
    Made(T),
    /// It was made before; this was kept of its answer.
    Kept(Bytes),
}

impl Once {
    /// `engine` is this engine, the same after a restart; `calls` is waited for at its end.
    pub fn new(
        replies: Arc<dyn ReplyStore>,
        clock: Arc<dyn Clock>,
        engine: String,
        calls: TaskTracker,
    ) -> Self {
        Self {
            idempotency: Idempotency::new(replies, clock, engine),
            calls,
        }
    }

    /// Makes the change to its end, whoever leaves, or finds what was kept. `change` gives its answer, and
    /// what is to be kept of it for 24 hours: nothing where it failed, so that it may be tried again.
    /// `idempotency_key_reused` where the key came with another `request`.
    pub async fn make<T: Send + 'static>(
        &self,
        principal: &Principal,
        key: &str,
        request: &impl Serialize,
        change: impl Future<Output = (T, Option<Bytes>)> + Send + 'static,
    ) -> Result<Answer<T>> {
        let digest = digest_of(request)?;
        let held = match self.idempotency.begin(principal, key, digest).await? {
            Begun::Mine(held) => held,
            Begun::Done(body) => return Ok(Answer::Kept(body)),
        };
        let made = self.calls.spawn(async move {
            let (answer, kept) = change.await;
            if let Some(kept) = kept
                && let Err(error) = held.finish(kept).await
            {
                tracing::warn!(error = ?error, "the answer to an idempotency key was not kept");
            }
            answer
        });
        let answer = made.await.map_err(|error| {
            Error::new(&codes::INTERNAL, "the change broke off").with_source(error)
        })?;
        Ok(Answer::Made(answer))
    }
}
