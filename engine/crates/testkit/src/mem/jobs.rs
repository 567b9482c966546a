//! The queue in memory. What follows from the ends of jobs is in `ends`.

mod ends;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::{Event, Scope, ScopedEvent};
use inkstone_domain::ids::{BatchId, JobId};
use inkstone_domain::job::{
    Checkpoint, ClaimedJob, Job, JobBatch, JobError, JobFilter, JobLimits, JobStatus,
    KEPT_LOG_LINES, LogLine, Progress,
};
use inkstone_domain::ports::{DraftCommit, JobStore, NewBatch, NewJob};
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

pub(super) use self::ends::BatchEntry;
use super::{MemStore, State, not_found, page_of};

pub(super) struct JobEntry {
    job: Job,
    fence: u64,
    lease_until: Option<DateTime<Utc>>,
    checkpoint: Option<Checkpoint>,
    log: Vec<LogLine>,
    stalls: u32,
    missed_since: Option<DateTime<Utc>>,
    /// It ended, and what follows from that was not seen to yet.
    is_unsettled: bool,
}

#[async_trait]
impl JobStore for MemStore {
    async fn submit(&self, new: NewJob) -> Result<Job> {
        let mut state = self.state();
        state.check_new(&new, &[])?;
        Ok(state.put_job(new, None))
    }

    async fn submit_batch(&self, batch: NewBatch) -> Result<JobBatch> {
        self.state().put_batch(batch)
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.state().jobs.get(&id).map(|entry| entry.job.clone()))
    }

    async fn batch(&self, id: BatchId) -> Result<Option<JobBatch>> {
        Ok(self.state().batch_now(id))
    }

    async fn list_jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>> {
        let state = self.state();
        let newest_first = state
            .jobs
            .iter()
            .rev()
            .filter(|(_, entry)| filter.fits(&entry.job))
            .map(|(id, entry)| (*id, entry.job.clone()));
        page_of(newest_first, &page, |cursor| cursor.parse().ok())
    }

    async fn claim(
        &self,
        _worker: &str,
        lease: Duration,
        limits: &JobLimits,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedJob>> {
        let mut state = self.state();
        let Some(id) = state.next_job(limits, now) else {
            return Ok(None);
        };
        let Some(entry) = state.jobs.get_mut(&id) else {
            return Ok(None);
        };
        entry.fence += 1;
        entry.lease_until = Some(now + lease);
        entry.job.status = JobStatus::Running;
        entry.job.attempts += 1;
        entry.stalls += 1;
        entry.job.started_at.get_or_insert(now);
        Ok(Some(ClaimedJob {
            job: entry.job.clone(),
            fence: entry.fence,
            checkpoint: entry.checkpoint.clone(),
            stalls: entry.stalls,
            missed_since: entry.missed_since,
        }))
    }

    async fn heartbeat(
        &self,
        id: JobId,
        fence: u64,
        lease: Duration,
        progress: &Progress,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.lease_until = Some(now + lease);
        entry.job.progress = progress.clone();
        Ok(entry.job.cancel_requested)
    }

    async fn save_checkpoint(&self, id: JobId, fence: u64, checkpoint: &Checkpoint) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        let before = entry.checkpoint.replace(checkpoint.clone());
        if before.is_none_or(|before| before.state != checkpoint.state) {
            entry.stalls = 0;
        }
        entry.missed_since = None;
        Ok(())
    }

    async fn append_log(&self, id: JobId, fence: u64, lines: &[LogLine]) -> Result<()> {
        self.state().held(id, fence)?.note(lines);
        Ok(())
    }

    async fn job_log(&self, id: JobId) -> Result<Vec<LogLine>> {
        let state = self.state();
        let log = state.jobs.get(&id).map(|entry| entry.log.clone());
        Ok(log.unwrap_or_default())
    }

    async fn release(&self, id: JobId, fence: u64) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.job.status = JobStatus::Queued;
        entry.lease_until = None;
        entry.gets_on();
        Ok(())
    }

    async fn retry(
        &self,
        id: JobId,
        fence: u64,
        error: &JobError,
        run_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.job.status = JobStatus::Queued;
        entry.job.error = Some(error.clone());
        entry.job.run_at = run_at;
        entry.job.retries += 1;
        entry.lease_until = None;
        entry.gets_on();
        Ok(())
    }

    async fn pass_on(
        &self,
        id: JobId,
        fence: u64,
        error: &JobError,
        now: DateTime<Utc>,
        run_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.job.status = JobStatus::Queued;
        entry.job.error = Some(error.clone());
        entry.job.run_at = run_at;
        entry.job.attempts -= 1;
        if entry.job.attempts == 0 {
            entry.job.started_at = None;
        }
        entry.stalls = entry.stalls.saturating_sub(1);
        entry.missed_since.get_or_insert(now);
        entry.lease_until = None;
        Ok(())
    }

    async fn succeed(&self, id: JobId, fence: u64, commit: DraftCommit) -> Result<()> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        state.held(id, fence)?;
        let article = commit.write.article.id;
        if commit.write.article.revision == 1 {
            state.create_article(commit.write, now)?;
        } else {
            state.update_article(commit.write, now)?;
        }
        state.provenance.insert(article, commit.provenance);
        let entry = state.held(id, fence)?;
        entry.job.article = Some(article);
        entry.finish(JobStatus::Succeeded, commit.event.at);
        let told = commit.event.within(Scope::of_job(&entry.job));
        state.tell_of(told);
        drop(state);
        self.nudge();
        Ok(())
    }

    async fn finish(&self, id: JobId, fence: u64, result: &Value, event: Event) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.job.result = Some(result.clone());
        entry.finish(JobStatus::Succeeded, event.at);
        let told = event.within(Scope::of_job(&entry.job));
        state.tell_of(told);
        Ok(())
    }

    async fn fail(&self, id: JobId, fence: u64, error: &JobError, event: Event) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.finish(JobStatus::Failed, event.at);
        entry.job.error = Some(error.clone());
        let told = event.within(Scope::of_job(&entry.job));
        state.tell_of(told);
        Ok(())
    }

    async fn bury(&self, id: JobId, fence: u64, error: &JobError, event: Event) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        let checkpoint = entry.checkpoint.take();
        entry.finish(JobStatus::Dead, event.at);
        entry.job.error = Some(error.clone());
        entry.checkpoint = checkpoint;
        let told = event.within(Scope::of_job(&entry.job));
        state.tell_of(told);
        Ok(())
    }

    async fn request_cancel(&self, id: JobId, event: Event) -> Result<Job> {
        let mut state = self.state();
        let entry = state
            .jobs
            .get_mut(&id)
            .ok_or_else(|| not_found("job", id))?;
        match entry.job.status {
            JobStatus::Waiting | JobStatus::Queued => {
                entry.job.cancel_requested = true;
                entry.finish(JobStatus::Cancelled, event.at);
                let job = entry.job.clone();
                let told = event.within(Scope::of_job(&entry.job));
                state.tell_of(told);
                Ok(job)
            }
            JobStatus::Running => {
                entry.job.cancel_requested = true;
                Ok(entry.job.clone())
            }
            ended => Err(Error::new(
                &codes::CONFLICT,
                format!("the job `{id}` has ended already, as {ended}; there is nothing to cancel"),
            )),
        }
    }

    async fn cancelled(&self, id: JobId, fence: u64, event: Event) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.finish(JobStatus::Cancelled, event.at);
        let told = event.within(Scope::of_job(&entry.job));
        state.tell_of(told);
        Ok(())
    }

    async fn requeue(&self, id: JobId, line: &LogLine, event: &ScopedEvent) -> Result<Job> {
        let mut state = self.state();
        let entry = state.jobs.get_mut(&id);
        let entry = entry.ok_or_else(|| not_found("job", id))?;
        let status = entry.job.status;
        if !status.can_be_requeued() {
            let reason = format!(
                "the job `{id}` is {status}; only what failed, died or was cancelled can be requeued"
            );
            return Err(Error::new(&codes::CONFLICT, reason));
        }
        entry.job = Job {
            status: JobStatus::Queued,
            run_at: event.event.at,
            attempts: 0,
            retries: 0,
            cancel_requested: false,
            error: None,
            started_at: None,
            finished_at: None,
            ..entry.job.clone()
        };
        entry.is_unsettled = false;
        entry.gets_on();
        entry.note(std::slice::from_ref(line));
        let job = entry.job.clone();
        state.reopen(job.batch);
        state.tell_of(event.clone());
        Ok(job)
    }

    async fn settle_ends(&self, now: DateTime<Utc>, limit: usize) -> Result<bool> {
        Ok(self.state().settle_one(now, limit))
    }

    async fn forget_jobs(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        Ok(self.state().forget_ended(before, limit))
    }
}

impl State {
    /// Whose turn it is.
    fn next_job(&self, limits: &JobLimits, now: DateTime<Utc>) -> Option<JobId> {
        let running: Vec<&Job> = self
            .jobs
            .values()
            .filter(|entry| entry.is_running(now))
            .map(|entry| &entry.job)
            .collect();
        let of_project = |slug: &str| {
            running
                .iter()
                .filter(|it| it.task.project() == slug)
                .count()
        };
        let of_kind = |kind: &str| running.iter().filter(|it| it.task.kind() == kind).count();
        let fits = |entry: &&JobEntry| {
            let task = &entry.job.task;
            let is_below = |limit: Option<u32>, running: usize| {
                limit.is_none_or(|limit| running < limit as usize)
            };
            is_below(
                limits.of_project(task.project()),
                of_project(task.project()),
            ) && is_below(limits.of_kind(task.kind()), of_kind(task.kind()))
        };
        let abandoned = self
            .jobs
            .values()
            .filter(|entry| entry.job.status == JobStatus::Running && !entry.is_running(now))
            .filter(fits)
            .min_by_key(|entry| (entry.lease_until, entry.job.id));
        let due = || {
            self.jobs
                .values()
                .filter(|entry| entry.job.status == JobStatus::Queued && entry.job.run_at <= now)
                .filter(fits)
                .min_by_key(|entry| {
                    let Job {
                        priority, run_at, ..
                    } = entry.job;
                    let running = of_project(entry.job.task.project());
                    (priority, running, run_at, entry.job.id)
                })
        };
        abandoned.or_else(due).map(|entry| entry.job.id)
    }

    /// The job, if it is still in the hands of the worker with this fence.
    fn held(&mut self, id: JobId, fence: u64) -> Result<&mut JobEntry> {
        let entry = self.jobs.get_mut(&id).ok_or_else(|| not_found("job", id))?;
        if entry.job.status != JobStatus::Running || entry.fence != fence {
            return Err(Error::new(
                &codes::LEASE_LOST,
                format!("the job `{id}` has ended or is in the hands of another worker"),
            ));
        }
        Ok(entry)
    }
}

impl JobEntry {
    fn new(new: NewJob, status: JobStatus, batch: Option<BatchId>) -> Self {
        Self {
            job: Job {
                id: new.id,
                owner: new.owner,
                task: new.task,
                status,
                priority: new.priority,
                run_at: new.run_at,
                after: new.after,
                batch,
                progress: Progress::default(),
                attempts: 0,
                retries: 0,
                cancel_requested: false,
                error: None,
                article: None,
                result: None,
                enqueued_at: new.enqueued_at,
                started_at: None,
                finished_at: None,
            },
            fence: 0,
            lease_until: None,
            checkpoint: None,
            log: Vec::new(),
            stalls: 0,
            missed_since: None,
            is_unsettled: false,
        }
    }

    /// In the hands of a worker that is alive.
    fn is_running(&self, now: DateTime<Utc>) -> bool {
        self.job.status == JobStatus::Running && self.lease_until.is_some_and(|until| until > now)
    }

    /// Somebody who could do it had it, and said so.
    fn gets_on(&mut self) {
        self.stalls = 0;
        self.missed_since = None;
    }

    fn note(&mut self, lines: &[LogLine]) {
        self.log.extend_from_slice(lines);
        let surplus = self.log.len().saturating_sub(KEPT_LOG_LINES);
        self.log.drain(..surplus);
    }

    fn finish(&mut self, status: JobStatus, at: DateTime<Utc>) {
        self.job.status = status;
        // Of a fault before.
        self.job.error = None;
        self.job.finished_at = Some(at);
        self.lease_until = None;
        self.checkpoint = None;
        self.is_unsettled = true;
    }
}
