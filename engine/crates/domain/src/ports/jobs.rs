//! The queue.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::ArticleWrite;
use crate::Result;
use crate::content::{Page, PageRequest};
use crate::event::{Event, ScopedEvent};
use crate::ids::{BatchId, JobId, UserId};
use crate::job::{
    Checkpoint, ClaimedJob, Job, JobBatch, JobError, JobFilter, JobLimits, LogLine, Priority,
    Progress, Task,
};
use crate::provenance::Provenance;

#[derive(Debug, Clone)]
pub struct NewJob {
    pub id: JobId,
    pub owner: UserId,
    pub task: Task,
    pub priority: Priority,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// Those that must succeed first; at most [`crate::job::MOST_AWAITED`], none twice.
    pub after: Vec<JobId>,
    pub enqueued_at: DateTime<Utc>,
}

/// Jobs to be asked for together.
#[derive(Debug, Clone)]
pub struct NewBatch {
    pub id: BatchId,
    pub owner: UserId,
    pub name: String,
    /// 1 to [`crate::job::MOST_OF_A_BATCH`], all of that owner. Each may wait for those before it.
    pub jobs: Vec<NewJob>,
    pub created_at: DateTime<Utc>,
}

/// All that a finished generation writes, in one transaction.
#[derive(Debug, Clone)]
pub struct DraftCommit {
    pub write: ArticleWrite,
    pub provenance: Provenance,
    /// `job.succeeded`.
    pub event: Event,
}

/// The queue. Calls that carry a `fence` fail with `lease_lost` once another worker has claimed the
/// job or it has ended.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Where it waits for others that have not all succeeded yet, it is `waiting`. `not_found` where one of
    /// them is not there, `conflict` where one has ended otherwise.
    async fn submit(&self, job: NewJob) -> Result<Job>;
    /// All of them or none, under the conditions of [`JobStore::submit`].
    async fn submit_batch(&self, batch: NewBatch) -> Result<JobBatch>;
    async fn job(&self, id: JobId) -> Result<Option<Job>>;
    async fn batch(&self, id: BatchId) -> Result<Option<JobBatch>>;
    /// Newest first. A page may have fewer than asked for, even none, and still not be the last: each looks
    /// at a bounded number of jobs.
    async fn list_jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>>;
    /// Takes a job whose lease ran out, else one that is queued and due: of the highest priority that has
    /// any; there, of the project with the fewest that run; there, the oldest. Whatever would go beyond a
    /// limit is passed over. No job is handed to two workers, and no limit is exceeded by two at once.
    async fn claim(
        &self,
        worker: &str,
        lease: Duration,
        limits: &JobLimits,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedJob>>;
    /// Prolongs the lease, stores progress and answers whether a cancel was asked for.
    async fn heartbeat(
        &self,
        id: JobId,
        fence: u64,
        lease: Duration,
        progress: &Progress,
        now: DateTime<Utc>,
    ) -> Result<bool>;
    /// Where its state is another than that of the one before, the job does not stall any more.
    async fn save_checkpoint(&self, id: JobId, fence: u64, checkpoint: &Checkpoint) -> Result<()>;
    /// Adds lines to the job's log, which keeps the newest [`crate::job::KEPT_LOG_LINES`].
    async fn append_log(&self, id: JobId, fence: u64, lines: &[LogLine]) -> Result<()>;
    /// Oldest first.
    async fn job_log(&self, id: JobId) -> Result<Vec<LogLine>>;
    /// Puts the job back into the queue, to be claimed again at once: an orderly shutdown.
    async fn release(&self, id: JobId, fence: u64) -> Result<()>;
    /// Puts the job back into the queue, to be claimed again at `run_at`: a fault that may pass.
    async fn retry(
        &self,
        id: JobId,
        fence: u64,
        error: &JobError,
        run_at: DateTime<Utc>,
    ) -> Result<()>;
    /// Puts the job back into the queue for an engine that can do it, to be claimed again at `run_at`. It is as
    /// if it had not been claimed: neither an attempt nor a stall; only since when it is passed on is kept.
    async fn pass_on(
        &self,
        id: JobId,
        fence: u64,
        error: &JobError,
        now: DateTime<Utc>,
        run_at: DateTime<Utc>,
    ) -> Result<()>;
    /// Content, provenance, job state and events, all or nothing.
    async fn succeed(&self, id: JobId, fence: u64, commit: DraftCommit) -> Result<()>;
    /// The end of the engine's own work. `event` is `job.succeeded`.
    async fn finish(&self, id: JobId, fence: u64, result: &Value, event: Event) -> Result<()>;
    /// The end by a fault that does not pass.
    async fn fail(&self, id: JobId, fence: u64, error: &JobError, event: Event) -> Result<()>;
    /// The end by a fault that did not pass, or for want of an end: a dead letter. It keeps its checkpoint.
    async fn bury(&self, id: JobId, fence: u64, error: &JobError, event: Event) -> Result<()>;
    /// A job that does not run yet is cancelled at once; a running one is asked to stop and ends through
    /// `cancelled`; a finished one is `conflict`. `event` is written where it ends at once.
    async fn request_cancel(&self, id: JobId, event: Event) -> Result<Job>;
    /// The worker's end of a cancel.
    async fn cancelled(&self, id: JobId, fence: u64, event: Event) -> Result<()>;
    /// Puts what failed, died or was cancelled into the queue once more, due at the time of `event`, with no
    /// attempt counted and without waiting for others; `conflict` for all else. A batch that had ended is open
    /// again.
    async fn requeue(&self, id: JobId, line: &LogLine, event: &ScopedEvent) -> Result<Job>;
    /// Sees to what follows from the ends of jobs, of at most `limit` others at a time: who waited for one
    /// that succeeded goes on, who waited for one that did not is cancelled with `dependency_failed`, and a
    /// batch whose last job has ended ends with its event. Answers whether there was anything to do; then
    /// there may be more. It may be interrupted and repeated anywhere.
    async fn settle_ends(&self, now: DateTime<Utc>, limit: usize) -> Result<bool>;
    /// Drops what ended before that time, with logs and checkpoints, at most `limit` jobs. How many. So do
    /// batches.
    async fn forget_jobs(&self, before: DateTime<Utc>, limit: usize) -> Result<u64>;
}
