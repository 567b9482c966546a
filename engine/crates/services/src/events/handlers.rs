//! The engine's own handlers. One engine at a time has a handler, by a lease with a fence; its place in the
//! log is in the store. So each event is handled at least once, in order, wherever engines die; and what
//! fails is tried again without holding up the other handlers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use inkstone_domain::event::Told;
use inkstone_domain::ports::ClaimedHandler;
use inkstone_domain::{Error, Result, codes};
use tokio::time::Instant;

use super::Events;

const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Also the longest a place may be old, and so a third of the shortest lease.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often one event may fail with a fault that will not pass by itself.
const MAX_FAULTS: u32 = 10;

/// Does something about events.
#[async_trait]
pub trait EventHandler: Send + Sync {
    /// Its place in the log has this name.
    fn name(&self) -> &'static str;
    /// Handles these, in their order. It may be given them again, so doing it twice must come to the same
    /// as doing it once. An error brings them back later.
    async fn handle(&self, told: &[Arc<Told>]) -> Result<()>;
}

/// How a handler is doing with what lies before it.
struct Pace {
    waits: Box<dyn Iterator<Item = Duration> + Send>,
    /// Of the event it stands at.
    faults: u32,
}

impl Events {
    /// Lets a handler follow the log until the engine stops: here, or as soon as no other engine has it.
    /// One that was never here begins with what happens from now on.
    pub async fn run_handler(self: Arc<Self>, handler: Arc<dyn EventHandler>) {
        while !self.stop.is_cancelled() {
            match self.claim(handler.as_ref()).await {
                Ok(Some(claimed)) => {
                    if let Err(error) = self.follow(handler.as_ref(), claimed).await {
                        // It was rewound, or is with another engine: the next claim tells.
                        if error.code() == &codes::LEASE_LOST {
                            continue;
                        }
                        tracing::warn!(
                            ?error,
                            handler = handler.name(),
                            "a handler of events lost its place; it is taken up again"
                        );
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        ?error,
                        handler = handler.name(),
                        "a handler of events could not be claimed; it is tried again"
                    );
                }
            }
            self.rest(self.beat()).await;
        }
    }

    async fn claim(&self, handler: &dyn EventHandler) -> Result<Option<ClaimedHandler>> {
        let begin = self.log.number_events(super::BATCH).await?;
        let (holder, lease, now) = (&self.holder, self.config.lease, self.clock.now());
        self.handlers
            .claim_handler(handler.name(), holder, begin, lease, now)
            .await
    }

    async fn follow(&self, handler: &dyn EventHandler, claimed: ClaimedHandler) -> Result<()> {
        let name = handler.name();
        let ClaimedHandler { fence, mut number } = claimed;
        let mut heads = self.tail.heads();
        let mut pace = Pace::fresh();
        let mut kept_at = Instant::now();
        while !self.stop.is_cancelled() {
            heads.mark_unchanged();
            let mut batch = self.after(number).await?;
            // After a fault one by one, so that the others come through.
            if pace.faults > 0 {
                batch.truncate(1);
            }
            let Some(last) = batch.last().map(|told| told.number) else {
                if kept_at.elapsed() >= self.beat() {
                    self.advance(name, fence, number).await?;
                    kept_at = Instant::now();
                }
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    _ = heads.changed() => {}
                    () = self.rewound.notified() => self.advance(name, fence, number).await?,
                    () = tokio::time::sleep(self.beat()) => {}
                }
                continue;
            };
            // A batch may take longer than a lease: who handles it shows that it lives.
            let handled = tokio::select! {
                handled = handler.handle(&batch) => handled,
                lost = self.hold(name, fence, number) => return Err(lost),
            };
            match handled {
                Ok(()) => {
                    number = last;
                    pace = Pace::fresh();
                }
                Err(error) => {
                    tracing::warn!(?error, handler = name, "events could not be handled");
                    if pace.is_hopeless(&error, &batch) {
                        tracing::error!(
                            handler = name,
                            event.id = %batch[0].event.id,
                            "an event was passed over; `replay` brings it back"
                        );
                        number = last;
                        pace = Pace::fresh();
                    } else {
                        let wait = pace.waits.next().unwrap_or(LONGEST_WAIT);
                        self.rest(wait.min(self.beat())).await;
                    }
                }
            }
            self.advance(name, fence, number).await?;
            kept_at = Instant::now();
        }
        self.handlers.release_handler(name, fence).await
    }

    /// Keeps a handler where it stands; returns once it is with somebody else.
    async fn hold(&self, name: &str, fence: u64, number: u64) -> Error {
        loop {
            tokio::time::sleep(self.beat()).await;
            match self.advance(name, fence, number).await {
                Err(error) if error.code() == &codes::LEASE_LOST => return error,
                // Another sign of life follows before the lease ends.
                Err(error) => tracing::debug!(?error, handler = name, "no sign of life"),
                Ok(()) => {}
            }
        }
    }

    async fn advance(&self, name: &str, fence: u64, number: u64) -> Result<()> {
        let (lease, now) = (self.config.lease, self.clock.now());
        self.handlers
            .advance_handler(name, fence, number, lease, now)
            .await
    }

    /// Between two signs of life.
    fn beat(&self) -> Duration {
        (self.config.lease / 3).min(LONGEST_WAIT)
    }

    async fn rest(&self, wait: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl Pace {
    fn fresh() -> Self {
        let waits = ExponentialBuilder::default()
            .with_min_delay(FIRST_WAIT)
            .with_max_delay(LONGEST_WAIT)
            .without_max_times()
            .with_jitter();
        Self {
            waits: Box::new(waits.build()),
            faults: 0,
        }
    }

    /// Notes a fault; whether the one event it is of has had its chances. What may pass by itself has
    /// any number of them.
    fn is_hopeless(&mut self, error: &Error, batch: &[Arc<Told>]) -> bool {
        self.faults += 1;
        let is_lasting = !error.is_transient() && batch.len() == 1;
        is_lasting && self.faults >= MAX_FAULTS
    }
}
