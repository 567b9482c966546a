//! `Idempotency-Key`: of any number of calls with one key, one is made; the others wait for it and get
//! its answer (draft-ietf-httpapi-idempotency-key-header). The call does not end with its caller: who
//! sends a key comes back for the answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use inkstone_domain::kept_reply::{Claim, Claimed};
use inkstone_domain::ports::{Clock, ReplyStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;
use ulid::Ulid;

/// Hands out the right to make a call.
pub(crate) struct Idempotency {
    replies: Arc<dyn ReplyStore>,
    clock: Arc<dyn Clock>,
    /// This engine, the same after a restart.
    engine: String,
    /// Told when a call of this engine ends; those of others are looked for.
    ended: Arc<Notify>,
}

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// An engine that is silent for this long has died.
const LEASE: Duration = Duration::from_secs(30);
/// Between two looks at what another engine does.
const LOOK: Duration = Duration::from_millis(500);
/// Longer keys are refused.
const MAX_KEY_BYTES: usize = 255;

/// What a caller with a key gets.
pub(crate) enum Begun {
    /// The call is theirs to make.
    Mine(Box<Held>),
    /// It was made.
    Done(Bytes),
}

/// The right to make a call. Dropped unfinished, it is given up.
pub(crate) struct Held {
    replies: Arc<dyn ReplyStore>,
    scope: String,
    key: String,
    holder: String,
    ended: Arc<Notify>,
    is_finished: bool,
    _renewing: AbortOnDropHandle<()>,
}

impl Idempotency {
    pub fn new(replies: Arc<dyn ReplyStore>, clock: Arc<dyn Clock>, engine: String) -> Self {
        Self {
            replies,
            clock,
            engine,
            ended: Arc::default(),
        }
    }

    /// Gives up what this engine was at when it died.
    pub async fn recover(&self) -> Result<()> {
        self.replies.drop_claims_of(&self.engine).await
    }

    /// Waits until the call is free to be made, or was made. `digest` tells requests apart.
    pub async fn begin(&self, principal: &Principal, key: &str, digest: String) -> Result<Begun> {
        check_key(key)?;
        let scope = match &principal.key {
            Some(virtual_key) => virtual_key.id.to_string(),
            None => principal.user.to_string(),
        };
        let holder = format!("{}/{}", self.engine, Ulid::new());
        loop {
            // Before the look, so that an end between the two is not missed.
            let ended = self.ended.notified();
            let now = self.clock.now();
            let claim = Claim {
                scope: scope.clone(),
                key: key.to_owned(),
                digest: digest.clone(),
                holder: holder.clone(),
                lease_until: now + LEASE,
                expires_at: now + KEPT,
            };
            match self.replies.claim(&claim, now).await? {
                Claimed::Mine => {
                    return Ok(Begun::Mine(Box::new(self.hold(scope, key, holder))));
                }
                Claimed::Done(body) => return Ok(Begun::Done(body)),
                Claimed::OtherRequest => {
                    return Err(Error::new(
                        &codes::IDEMPOTENCY_MISMATCH,
                        "this `Idempotency-Key` was used for another request; take a new key",
                    ));
                }
                Claimed::Busy => {
                    let _ = tokio::time::timeout(LOOK, ended).await;
                }
            }
        }
    }

    fn hold(&self, scope: String, key: &str, holder: String) -> Held {
        let replies = Arc::clone(&self.replies);
        let clock = Arc::clone(&self.clock);
        let of = (scope.clone(), key.to_owned(), holder.clone());
        let renewing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LEASE / 3).await;
                let until = clock.now() + LEASE;
                let (scope, key, holder) = &of;
                if let Err(error) = replies.renew_claim(scope, key, holder, until).await {
                    tracing::warn!(error = ?error, "the claim of an idempotency key was not renewed");
                }
            }
        });
        Held {
            replies: Arc::clone(&self.replies),
            scope,
            key: key.to_owned(),
            holder,
            ended: Arc::clone(&self.ended),
            is_finished: false,
            _renewing: AbortOnDropHandle::new(renewing),
        }
    }
}

impl Held {
    /// Keeps the answer: from now on everybody with this key gets it.
    pub async fn finish(mut self: Box<Self>, body: Bytes) -> Result<()> {
        self.replies
            .finish_claim(&self.scope, &self.key, &self.holder, body)
            .await?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let ended = Arc::clone(&self.ended);
        if self.is_finished {
            ended.notify_waiters();
            return;
        }
        let replies = Arc::clone(&self.replies);
        let (scope, key) = (self.scope.clone(), self.key.clone());
        let holder = self.holder.clone();
        // Without a runtime the engine is going down, and its next start gives the claim up.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = replies.drop_claim(&scope, &key, &holder).await {
                    tracing::warn!(error = ?error, "the claim of an idempotency key was not given up");
                }
                ended.notify_waiters();
            });
        }
    }
}

fn check_key(key: &str) -> Result<()> {
    let is_fine = !key.is_empty()
        && key.len() <= MAX_KEY_BYTES
        && key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    match is_fine {
        true => Ok(()),
        false => Err(Error::new(
            &codes::INVALID_INPUT,
            format!(
                "an `Idempotency-Key` has 1 to {MAX_KEY_BYTES} visible ASCII characters, such as a UUID"
            ),
        )),
    }
}
