//! The queue in memory.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::{Event, Scope, ScopedEvent};
use inkstone_domain::ids::{JobId, UserId};
use inkstone_domain::job::{Checkpoint, ClaimedJob, Job, JobError, JobStatus, Progress};
use inkstone_domain::ports::{DraftCommit, JobStore, NewJob};
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

use super::{MemStore, State, already_exists, not_found, page_of};

pub(super) struct JobEntry {
    job: Job,
    fence: u64,
    lease_until: Option<DateTime<Utc>>,
    checkpoint: Option<Checkpoint>,
}

#[async_trait]
impl JobStore for MemStore {
    async fn submit(&self, new: NewJob) -> Result<Job> {
        let mut state = self.state();
        if state.jobs.contains_key(&new.id) {
            return Err(already_exists("job", new.id));
        }
        let job = Job {
            id: new.id,
            owner: new.owner,
            task: new.task,
            status: JobStatus::Queued,
            progress: Progress::default(),
            attempts: 0,
            cancel_requested: false,
            error: None,
            article: None,
            result: None,
            enqueued_at: new.enqueued_at,
            started_at: None,
            finished_at: None,
        };
        let entry = JobEntry {
            job: job.clone(),
            fence: 0,
            lease_until: None,
            checkpoint: None,
        };
        let (id, at) = (job.id, new.enqueued_at);
        state.tell_of(ScopedEvent::job_queued(id, job.owner, &job.task, at));
        state.jobs.insert(job.id, entry);
        Ok(job)
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.state().jobs.get(&id).map(|entry| entry.job.clone()))
    }

    async fn list_jobs(&self, owner: Option<UserId>, page: PageRequest) -> Result<Page<Job>> {
        let state = self.state();
        let newest_first = state
            .jobs
            .iter()
            .rev()
            .filter(|(_, entry)| owner.is_none_or(|owner| entry.job.owner == owner))
            .map(|(id, entry)| (*id, entry.job.clone()));
        page_of(newest_first, &page, |cursor| cursor.parse().ok())
    }

    async fn claim(
        &self,
        _worker: &str,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedJob>> {
        let mut state = self.state();
        let oldest = state
            .jobs
            .values_mut()
            .filter(|entry| entry.is_claimable(now))
            .min_by_key(|entry| (entry.job.enqueued_at, entry.job.id));
        let Some(entry) = oldest else {
            return Ok(None);
        };
        entry.fence += 1;
        entry.lease_until = Some(now + lease);
        entry.job.status = JobStatus::Running;
        entry.job.attempts += 1;
        entry.job.started_at.get_or_insert(now);
        Ok(Some(ClaimedJob {
            job: entry.job.clone(),
            fence: entry.fence,
            checkpoint: entry.checkpoint.clone(),
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
        self.state().held(id, fence)?.checkpoint = Some(checkpoint.clone());
        Ok(())
    }

    async fn release(&self, id: JobId, fence: u64) -> Result<()> {
        let mut state = self.state();
        let entry = state.held(id, fence)?;
        entry.job.status = JobStatus::Queued;
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
        entry.job.error = Some(error.clone());
        entry.finish(JobStatus::Failed, event.at);
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
            JobStatus::Queued => {
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
            ended @ (JobStatus::Succeeded | JobStatus::Failed | JobStatus::Cancelled) => {
                Err(Error::new(
                    &codes::CONFLICT,
                    format!(
                        "the job has {} already; there is nothing to cancel",
                        ended.as_str()
                    ),
                ))
            }
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
}

impl State {
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
    fn is_claimable(&self, now: DateTime<Utc>) -> bool {
        match self.job.status {
            JobStatus::Queued => true,
            JobStatus::Running => self.lease_until.is_none_or(|until| until <= now),
            JobStatus::Succeeded | JobStatus::Failed | JobStatus::Cancelled => false,
        }
    }

    fn finish(&mut self, status: JobStatus, at: DateTime<Utc>) {
        self.job.status = status;
        self.job.finished_at = Some(at);
        self.lease_until = None;
        self.checkpoint = None;
    }
}
