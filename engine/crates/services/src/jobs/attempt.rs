//! One attempt at one claimed job: does its task while keeping the lease, and writes down how it
//! ended. Every write carries the fence, so an attempt that lost its lease commits nothing. What is
//! done is in `generation` and, for the engine's own work, in `work`; what becomes of a job that cannot be
//! done here, in `missed`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::generation::Draft;
use inkstone_domain::ids::EventId;
use inkstone_domain::job::{Checkpoint, ClaimedJob, GenerateTask, Job, JobError, Progress, Task};
use inkstone_domain::plugin::LoadedPlugin;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::feed::Feed;
use super::missed::is_not_here;
use super::notes::Notes;
use super::work::Work;
use super::worker::Worker;
use crate::ai::CallLog;
use crate::chat::elapsed_ms;
use crate::owners::principal_of;

/// Waits between attempts grow no longer than this, jitter apart.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);
/// Nor is a job put off for longer where an upstream asks for it.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(24 * 3600);
/// A job begun so often, and never got anywhere, takes its engines down with it.
const MOST_STALLS: u32 = 10;

/// A claimed job being worked on.
pub(super) struct Attempt<'a> {
    pub(super) worker: &'a Worker,
    pub(super) job: Job,
    pub(super) fence: u64,
    pub(super) resume: Option<Bytes>,
    pub(super) feed: Feed,
    pub(super) calls: CallLog,
    pub(super) notes: Notes,
    stalls: u32,
    pub(super) missed_since: Option<DateTime<Utc>>,
    began: Instant,
    /// Of the attempts before.
    earlier_ms: u64,
}

/// How the work ended.
enum End {
    Drafted {
        task: GenerateTask,
        draft: Box<Draft>,
        plugin: Arc<LoadedPlugin>,
    },
    /// The engine's own work.
    Worked(Value),
    Failed(Error),
    /// It is not done by this engine, as it is now.
    Missed(Error),
    /// It was begun too often and got nowhere.
    Stalled,
    CancelRequested,
    LeaseLost,
    /// The engine is shutting down.
    Stopped,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(worker: &'a Worker, claimed: ClaimedJob) -> Self {
        let checkpoint = claimed.checkpoint;
        let feed = worker
            .feeds
            .open(claimed.job.id, claimed.job.progress.clone());
        Self {
            worker,
            fence: claimed.fence,
            resume: checkpoint.as_ref().map(|one| one.state.clone()),
            earlier_ms: checkpoint.as_ref().map_or(0, |one| one.elapsed_ms),
            calls: CallLog::seeded(checkpoint.map_or_else(Vec::new, |one| one.calls)),
            feed,
            notes: Notes::new(claimed.job.attempts, Arc::clone(&worker.clock)),
            stalls: claimed.stalls,
            missed_since: claimed.missed_since,
            began: Instant::now(),
            job: claimed.job,
        }
    }

    pub(super) async fn run(self, stop: &CancellationToken) {
        let plugin = match &self.job.task {
            Task::Generate(task) => task.plugin.as_str(),
            Task::Work(_) => "",
        };
        let span = tracing::info_span!(
            "job",
            job.id = %self.job.id,
            job.kind = self.job.task.kind(),
            plugin.id = plugin,
            attempt = self.job.attempts,
        );
        async {
            let _counted = Counted::new();
            let end = self.work(stop).await;
            let outcome = self.settle(end, stop).await;
            metrics::counter!(
                "inkstone_job_attempts_total",
                "kind" => self.job.task.kind().to_owned(),
                "plugin" => plugin.to_owned(),
                "outcome" => outcome
            )
            .increment(1);
        }
        .instrument(span)
        .await;
    }

    /// For those who watch; a new step is a line of the log, too.
    pub(super) fn progress(&self, progress: Progress) {
        if progress.step != self.feed.latest_progress().step {
            self.notes.add(&progress.step);
        }
        self.feed.progress(progress);
    }

    async fn work(&self, stop: &CancellationToken) -> End {
        // What is passed on was said once, and not whenever somebody looks.
        if self.job.attempts > 1 && self.missed_since.is_none() {
            self.notes.add("begun again");
        }
        if self.job.cancel_requested {
            return End::CancelRequested;
        }
        if self.stalls > MOST_STALLS {
            return End::Stalled;
        }
        tokio::select! {
            biased;
            end = self.do_task() => end.unwrap_or_else(end_of),
            end = self.keep_lease() => end,
            () = stop.cancelled() => End::Stopped,
        }
    }

    async fn do_task(&self) -> Result<End> {
        let principal = self.owner().await?;
        match &self.job.task {
            Task::Generate(task) => {
                let generator = match self.generator(&principal, task) {
                    Err(error) if is_not_here(&error) => return Ok(End::Missed(error)),
                    found => found?,
                };
                let draft = self.generate(principal, task, &generator).await?;
                Ok(End::Drafted {
                    task: task.clone(),
                    draft,
                    plugin: generator.plugin,
                })
            }
            Task::Work(work) => {
                let worker = match self.worker.powers.kinds.get(&work.kind) {
                    Ok(found) => found,
                    Err(unknown) => return Ok(End::Missed(unknown)),
                };
                let work = Work::of(self, principal, work);
                if let Some(missing) = worker.missing(&work).await? {
                    return Ok(End::Missed(missing));
                }
                Ok(End::Worked(worker.run(&work).await?))
            }
        }
    }

    /// Returns only when the lease must not be kept: it is lost, or a cancel was asked for.
    async fn keep_lease(&self) -> End {
        let lease = self.worker.config.lease;
        let beat = lease / 3;
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(beat) => {}
                () = self.feed.nudged() => {}
            }
            let sent = Instant::now();
            let progress = self.feed.latest_progress();
            let heartbeat = self.worker.store.heartbeat(
                self.job.id,
                self.fence,
                lease,
                &progress,
                self.worker.clock.now(),
            );
            match tokio::time::timeout(beat, heartbeat).await {
                Ok(Ok(true)) => return End::CancelRequested,
                Ok(Ok(false)) => {
                    renewed = sent;
                    self.write_notes().await;
                }
                Ok(Err(error)) if is_lease_lost(&error) => return End::LeaseLost,
                Ok(Err(error)) => {
                    tracing::warn!(error = ?error, "the lease could not be renewed");
                }
                Err(_) => tracing::warn!("the lease could not be renewed in time"),
            }
            if renewed.elapsed() >= lease {
                return End::LeaseLost;
            }
        }
    }

    pub(super) async fn save_checkpoint(&self, state: Bytes) -> Result<()> {
        let checkpoint = Checkpoint {
            state,
            calls: self.calls.calls(),
            elapsed_ms: self.elapsed_ms(),
        };
        (|| {
            self.worker
                .store
                .save_checkpoint(self.job.id, self.fence, &checkpoint)
        })
        .retry(store_patience())
        .when(Error::is_transient)
        .await
    }

    /// Who it is made for, with the role they have now.
    async fn owner(&self) -> Result<Principal> {
        principal_of(self.worker.powers.users.as_ref(), self.job.owner).await
    }

    /// Writes down the end and names it for the metrics.
    async fn settle(&self, end: End, stop: &CancellationToken) -> &'static str {
        if !matches!(end, End::LeaseLost) {
            self.write_notes().await;
        }
        match end {
            End::Drafted {
                task,
                draft,
                plugin,
            } => {
                let done = self.store_draft(&task, *draft, &plugin).await;
                self.succeeded(done, stop).await
            }
            End::Worked(result) => {
                let done = self.store_result(&result).await;
                self.succeeded(done, stop).await
            }
            End::CancelRequested => {
                let event = self.event(EventBody::JobCancelled { job: self.job.id });
                let store = &self.worker.store;
                let done = store.cancelled(self.job.id, self.fence, event).await;
                self.written(done, "the job was cancelled", "cancelled")
            }
            End::Stopped => self.release("the engine is shutting down").await,
            End::LeaseLost => {
                tracing::warn!("another worker has taken the job over");
                "lease_lost"
            }
            End::Missed(error) if !self.was_missed_long() => self.pass_on(error).await,
            End::Missed(error) => self.bury(self.missed(&error)).await,
            End::Stalled => {
                let message = format!(
                    "it was begun {MOST_STALLS} times in a row and got nowhere; perhaps its engine went down each time"
                );
                self.bury(Error::new(&codes::INTERNAL, message)).await
            }
            End::Failed(error) if !may_pass(&error) => self.fail(error).await,
            End::Failed(error) if self.may_retry() => self.retry_later(error).await,
            End::Failed(error) => self.bury(error).await,
        }
    }

    async fn succeeded(&self, done: Result<()>, stop: &CancellationToken) -> &'static str {
        match done {
            Ok(()) => {
                tracing::info!(elapsed_ms = self.elapsed_ms(), "the job succeeded");
                "succeeded"
            }
            Err(error) => Box::pin(self.settle(end_of(error), stop)).await,
        }
    }

    async fn store_result(&self, result: &Value) -> Result<()> {
        let event = self.event(EventBody::JobSucceeded {
            job: self.job.id,
            article: None,
        });
        let store = &self.worker.store;
        (|| store.finish(self.job.id, self.fence, result, event.clone()))
            .retry(store_patience())
            .when(Error::is_transient)
            .await
    }

    /// Being handed back or taken over is no try: only faults count.
    fn may_retry(&self) -> bool {
        self.job.retries.saturating_add(1) < self.worker.config.max_attempts
    }

    /// Back into the queue: whoever waits there holds no worker.
    async fn retry_later(&self, error: Error) -> &'static str {
        let delay = self.delay(&error);
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            error = ?error,
            delay_ms,
            "the job met a fault that may pass, and will be tried again"
        );
        self.notes.add(&format!(
            "{} It will be tried again in {delay_ms} ms.",
            ended_sentence(error.message())
        ));
        self.write_notes().await;
        let run_at = self.worker.clock.now() + TimeDelta::from_std(delay).unwrap_or_default();
        let shown = self.shown(&error);
        let store = &self.worker.store;
        let done = (|| store.retry(self.job.id, self.fence, &shown, run_at))
            .retry(store_patience())
            .when(Error::is_transient)
            .await;
        if delay.is_zero() {
            self.worker.wake.notify_one();
        }
        self.written(done, "it will be tried again", "retried")
    }

    /// Doubled with every fault, with up to as much again at random, so that what failed together does not
    /// come back together; and not before the other side asked for it.
    fn delay(&self, error: &Error) -> Duration {
        let first = self.worker.config.retry_delay;
        let own = ExponentialBuilder::new()
            .with_min_delay(first)
            .with_max_delay(LONGEST_DELAY.max(first))
            .with_factor(2.0)
            .without_max_times()
            .with_jitter()
            .build()
            .nth(self.job.retries.min(32) as usize)
            .unwrap_or(LONGEST_DELAY);
        let asked_for = error.retry_after().unwrap_or_default();
        own.max(asked_for.min(LONGEST_ASKED_FOR))
    }

    async fn release(&self, why: &str) -> &'static str {
        let done = self.worker.store.release(self.job.id, self.fence).await;
        // For the other workers of this process.
        self.worker.wake.notify_one();
        self.written(done, why, "released")
    }

    async fn fail(&self, error: Error) -> &'static str {
        tracing::warn!(error = ?error, "the job failed");
        let shown = self.shown(&error);
        let event = self.failed(&shown).await;
        let store = &self.worker.store;
        let done = (|| store.fail(self.job.id, self.fence, &shown, event.clone()))
            .retry(store_patience())
            .when(Error::is_transient)
            .await;
        self.written(done, "the failure is stored", "failed")
    }

    /// The end of all tries, or of all waiting.
    async fn bury(&self, error: Error) -> &'static str {
        tracing::warn!(error = ?error, "the job failed or waited as often as it may, and is a dead letter");
        let shown = self.shown(&error);
        let event = self.failed(&shown).await;
        let store = &self.worker.store;
        let done = (|| store.bury(self.job.id, self.fence, &shown, event.clone()))
            .retry(store_patience())
            .when(Error::is_transient)
            .await;
        self.written(done, "the dead letter is stored", "dead")
    }

    /// Says so in the log, and makes the event.
    async fn failed(&self, error: &JobError) -> Event {
        self.notes.add(&error.message);
        self.write_notes().await;
        self.event(EventBody::JobFailed {
            job: self.job.id,
            code: error.code.clone(),
        })
    }

    /// The error for people, who are told which plugin it was.
    pub(super) fn shown(&self, error: &Error) -> JobError {
        let message = match &self.job.task {
            Task::Generate(task) if !error.message().contains(task.plugin.as_str()) => {
                format!("plugin `{}`: {}", task.plugin, error.message())
            }
            _ => error.message().to_owned(),
        };
        JobError {
            code: error.code().name.to_owned(),
            message,
        }
    }

    /// The log is no reason to hold up the work: what cannot be written now is written later, or is lost.
    pub(super) async fn write_notes(&self) {
        let lines = self.notes.take();
        if lines.is_empty() {
            return;
        }
        let store = &self.worker.store;
        if let Err(error) = store.append_log(self.job.id, self.fence, &lines).await {
            tracing::warn!(error = ?error, "lines of the job's log could not be written");
            self.notes.put_back(lines);
        }
    }

    /// What cannot be written down is left to the lease: it runs out, and another attempt follows.
    pub(super) fn written(
        &self,
        done: Result<()>,
        what: &str,
        outcome: &'static str,
    ) -> &'static str {
        match done {
            Ok(()) => {
                tracing::info!(elapsed_ms = self.elapsed_ms(), outcome, "{what}");
                outcome
            }
            Err(error) if is_lease_lost(&error) => {
                tracing::warn!("another worker has taken the job over");
                "lease_lost"
            }
            Err(error) => {
                tracing::error!(error = ?error, outcome, "the end of the job could not be stored");
                "not_stored"
            }
        }
    }

    pub(super) fn elapsed_ms(&self) -> u64 {
        self.earlier_ms.saturating_add(elapsed_ms(self.began))
    }

    fn event(&self, body: EventBody) -> Event {
        Event {
            id: EventId::new(),
            at: self.worker.clock.now(),
            actor: self.job.owner,
            body,
        }
    }
}

/// Counts a running job as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("inkstone_jobs_running").increment(1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("inkstone_jobs_running").decrement(1);
    }
}

fn end_of(error: Error) -> End {
    match is_lease_lost(&error) {
        true => End::LeaseLost,
        false => End::Failed(error),
    }
}

/// A fault that may pass; faults of the plugin itself do not.
fn may_pass(error: &Error) -> bool {
    error.is_transient() && !error.code().blames_plugin()
}

pub(super) fn ended_sentence(message: &str) -> String {
    format!("{}.", message.trim_end_matches('.'))
}

fn is_lease_lost(error: &Error) -> bool {
    error.code() == &codes::LEASE_LOST
}

/// About two seconds in all: well within a lease.
pub(super) fn store_patience() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_times(5)
        .with_jitter()
}
