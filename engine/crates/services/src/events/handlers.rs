//! Handlers of events: the engine's own, and plugins that subscribe. One engine at a time has a handler, by a lease
//! with a fence; its place in the log is in the store. So each event is handled at least once, in order, wherever
//! engines die; and what fails is tried again without holding up the other handlers.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::event::Told;
use inkstone_domain::ports::{ClaimedHandler, HandlerFault};
use inkstone_domain::{Error, Result, codes};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{BATCH, Events};

const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Also the longest a place may be old, and so a third of the shortest lease.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What a handler has left for the event it is at when the engine stops.
const LAST_WORD: Duration = Duration::from_secs(5);
/// How often one event may fail with a fault that will not pass by itself.
const MAX_FAULTS: u32 = 10;

/// Does something about events.
#[async_trait]
pub trait EventHandler: Send + Sync {
    /// Its place in the log has this name.
    fn name(&self) -> &str;
    /// Whether an event concerns it; it is not told of others.
    fn takes(&self, _told: &Told) -> bool {
        true
    }
    /// Of how many events it is told at a time at most. Its place is kept after each time.
    fn at_once(&self) -> usize {
        BATCH
    }
    /// Handles these, in their order. It may be given them again, so doing it twice must come to the same
    /// as doing it once. An error brings them back later.
    async fn handle(&self, told: &[Arc<Told>]) -> Result<()>;
    /// Whether a fault may pass by itself. With one that will not, an event is tried ten times.
    fn may_pass(&self, error: &Error) -> bool {
        error.is_transient()
    }
    /// How long one event is tried while its faults may pass; `None` for ever.
    fn patience(&self) -> Option<TimeDelta> {
        None
    }
    /// Between two tries.
    fn longest_wait(&self) -> Duration {
        LONGEST_WAIT
    }
}

/// A handler in our hands.
struct Place<'a> {
    handler: &'a dyn EventHandler,
    fence: u64,
    /// All up to here is behind it.
    number: u64,
    /// The number that is in the store, and since when.
    kept: u64,
    kept_at: Instant,
    pace: Pace,
}

/// How a handler is doing with what lies before it.
struct Pace {
    waits: Box<dyn Iterator<Item = Duration> + Send>,
    longest: Duration,
    /// Whether it goes on one by one, so that the others come through.
    is_careful: bool,
    /// Of the event it stands at.
    fault: Option<HandlerFault>,
}

/// What comes next.
struct Step {
    /// In their order; none where all up to `through` concerns it not.
    taken: Vec<Arc<Told>>,
    through: u64,
}

impl Events {
    /// Those of them that have no place in the log get one, before what happens from now on; and no place of theirs is
    /// forgotten for a while, whether somebody runs them or not.
    pub(crate) async fn keep_places(&self, handlers: &[Arc<dyn EventHandler>]) -> Result<()> {
        let begin = self.log.number_events(BATCH).await?;
        let now = self.clock.now();
        for handler in handlers {
            self.handlers.keep_place(handler.name(), begin, now).await?;
        }
        Ok(())
    }

    /// Lets a handler follow the log until the engine stops: here, or as soon as no other engine has it.
    /// One that has no place begins with what happens from now on.
    pub async fn run_handler(self: Arc<Self>, handler: Arc<dyn EventHandler>) {
        let stop = self.stop.clone();
        self.run_handler_until(handler, stop).await;
    }

    /// The same until `stop`, which ends it between two events.
    pub(crate) async fn run_handler_until(
        self: Arc<Self>,
        handler: Arc<dyn EventHandler>,
        stop: CancellationToken,
    ) {
        let name = handler.name();
        while !stop.is_cancelled() {
            match self.claim(handler.as_ref()).await {
                Ok(Some(claimed)) => {
                    if let Err(error) = self.follow(handler.as_ref(), claimed, &stop).await {
                        // It was rewound, or is with another engine: the next claim tells.
                        if error.code() == &codes::LEASE_LOST {
                            continue;
                        }
                        tracing::warn!(
                            ?error,
                            handler = name,
                            "a handler of events lost its place; it is taken up again"
                        );
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        ?error,
                        handler = name,
                        "a handler of events could not be claimed; it is tried again"
                    );
                }
            }
            rest(self.beat(), &stop).await;
        }
    }

    async fn claim(&self, handler: &dyn EventHandler) -> Result<Option<ClaimedHandler>> {
        let begin = self.log.number_events(BATCH).await?;
        let (holder, lease, now) = (&self.holder, self.config.lease, self.clock.now());
        self.handlers
            .claim_handler(handler.name(), holder, begin, lease, now)
            .await
    }

    async fn follow(
        &self,
        handler: &dyn EventHandler,
        claimed: ClaimedHandler,
        stop: &CancellationToken,
    ) -> Result<()> {
        let mut heads = self.tail.heads();
        let mut place = Place::of(handler, claimed);
        while !stop.is_cancelled() {
            heads.mark_unchanged();
            let batch = self.after(place.number).await?;
            place.look_for_gap(&batch);
            match place.step(batch) {
                None => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        _ = heads.changed() => {}
                        () = self.rewound.notified() => self.keep(&mut place).await?,
                        () = tokio::time::sleep(self.beat()) => self.keep(&mut place).await?,
                    }
                }
                Some(step) if step.taken.is_empty() => {
                    place.number = step.through;
                    if place.kept_at.elapsed() >= self.beat() {
                        self.keep(&mut place).await?;
                    }
                }
                Some(step) => self.take(&mut place, step, stop).await?,
            }
        }
        if place.number != place.kept {
            self.keep(&mut place).await?;
        }
        let (name, fence) = (handler.name(), place.fence);
        self.handlers.release_handler(name, fence).await
    }

    /// Tells the handler of the next events, and rests where that fails.
    async fn take(
        &self,
        place: &mut Place<'_>,
        step: Step,
        stop: &CancellationToken,
    ) -> Result<()> {
        let handler = place.handler;
        let work = handler.handle(&step.taken);
        let outcome = tokio::select! {
            outcome = self.while_kept(place, work) => outcome?,
            // They come again.
            () = self.last_word() => return Ok(()),
        };
        let Err(error) = outcome else {
            place.number = step.through;
            place.pace = Pace::fresh(handler);
            return self.keep(place).await;
        };
        let name = handler.name();
        tracing::warn!(?error, handler = name, "events could not be handled");
        place.pace.is_careful = true;
        if let [told] = step.taken.as_slice() {
            let now = self.clock.now();
            let fault = place.pace.note(handler, told, &error, now);
            let lease = self.config.lease;
            if is_hopeless(handler, &fault, &error) {
                tracing::error!(
                    handler = name,
                    event.id = %told.event.id,
                    event.kind = fault.kind,
                    tries = fault.tries,
                    reason = fault.message,
                    "an event was passed over; `replay` brings it back"
                );
                metrics::counter!("inkstone_events_passed_over_total", "handler" => name.to_owned())
                    .increment(1);
                let passed =
                    self.handlers
                        .pass_over(name, place.fence, step.through, &fault, lease, now);
                passed.await?;
                place.is_kept(step.through);
                place.pace = Pace::fresh(handler);
                return Ok(());
            }
            let noted = self
                .handlers
                .note_fault(name, place.fence, &fault, lease, now);
            noted.await?;
            place.pace.fault = Some(fault);
        }
        let wait = place.pace.wait(&error);
        self.while_kept(place, rest(wait, stop)).await
    }

    /// Runs something that may take long, with signs of life; ends it where the place is lost.
    async fn while_kept<T>(
        &self,
        place: &mut Place<'_>,
        work: impl Future<Output = T>,
    ) -> Result<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = self.rewound.notified() => self.keep(place).await?,
                () = tokio::time::sleep(self.beat()) => self.keep(place).await?,
            }
        }
    }

    /// When a handler that is still at work must not hold up the end of the engine any longer.
    async fn last_word(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(LAST_WORD).await;
    }

    /// Writes down how far it is, and that it lives.
    async fn keep(&self, place: &mut Place<'_>) -> Result<()> {
        let (lease, now) = (self.config.lease, self.clock.now());
        let (name, number) = (place.handler.name(), place.number);
        self.handlers
            .advance_handler(name, place.fence, number, lease, now)
            .await?;
        place.is_kept(number);
        Ok(())
    }

    /// Between two signs of life.
    fn beat(&self) -> Duration {
        (self.config.lease / 3).min(LONGEST_WAIT)
    }
}

async fn rest(wait: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

fn is_hopeless(handler: &dyn EventHandler, fault: &HandlerFault, error: &Error) -> bool {
    if !handler.may_pass(error) {
        return fault.lasting >= MAX_FAULTS;
    }
    let patience = handler.patience();
    patience.is_some_and(|patience| fault.at - fault.since >= patience)
}

impl<'a> Place<'a> {
    fn of(handler: &'a dyn EventHandler, claimed: ClaimedHandler) -> Self {
        let ClaimedHandler {
            fence,
            number,
            failing,
        } = claimed;
        Self {
            handler,
            fence,
            number,
            kept: number,
            kept_at: Instant::now(),
            pace: Pace {
                is_careful: failing.is_some(),
                fault: failing,
                ..Pace::fresh(handler)
            },
        }
    }

    fn is_kept(&mut self, number: u64) {
        self.number = number;
        self.kept = number;
        self.kept_at = Instant::now();
    }

    /// `None` where nothing lies before it.
    fn step(&self, batch: Vec<Arc<Told>>) -> Option<Step> {
        let at_once = match self.pace.is_careful {
            true => 1,
            false => self.handler.at_once().max(1),
        };
        let mut through = batch.last()?.number;
        let mut taken = Vec::new();
        for told in batch {
            if !self.handler.takes(&told) {
                continue;
            }
            let number = told.number;
            taken.push(told);
            if taken.len() == at_once {
                through = number;
                break;
            }
        }
        Some(Step { taken, through })
    }

    /// Numbers have no gaps, unless nobody had the handler for longer than events are kept.
    fn look_for_gap(&self, batch: &[Arc<Told>]) {
        let Some(first) = batch.first() else { return };
        let missing = first.number - self.number - 1;
        if missing > 0 {
            tracing::error!(
                handler = self.handler.name(),
                events = missing,
                "a handler was away for longer than events are kept; it goes on with the oldest there is"
            );
        }
    }
}

impl Pace {
    fn fresh(handler: &dyn EventHandler) -> Self {
        let longest = handler.longest_wait();
        let waits = ExponentialBuilder::default()
            .with_min_delay(FIRST_WAIT)
            .with_max_delay(longest)
            .without_max_times()
            .with_jitter();
        Self {
            waits: Box::new(waits.build()),
            longest,
            is_careful: false,
            fault: None,
        }
    }

    /// What is known of the event now that it failed once more.
    fn note(
        &self,
        handler: &dyn EventHandler,
        told: &Told,
        error: &Error,
        now: DateTime<Utc>,
    ) -> HandlerFault {
        let event = told.event.id;
        let before = self.fault.as_ref().filter(|fault| fault.event == event);
        let lasting = before.map_or(0, |fault| fault.lasting);
        HandlerFault {
            event,
            kind: told.event.body.kind().as_str().to_owned(),
            since: before.map_or(now, |fault| fault.since),
            at: now,
            tries: before.map_or(0, |fault| fault.tries) + 1,
            lasting: lasting + u32::from(!handler.may_pass(error)),
            code: error.code().name.to_owned(),
            message: error.message().to_owned(),
        }
    }

    /// Until the next try: longer each time, and as long as was asked for.
    fn wait(&mut self, error: &Error) -> Duration {
        let wait = self.waits.next().unwrap_or(self.longest);
        let asked = error.retry_after().unwrap_or_default();
        wait.max(asked).min(self.longest)
    }
}
