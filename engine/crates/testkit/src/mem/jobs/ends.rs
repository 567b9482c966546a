//! What follows from the ends of jobs: those that wait for them, their batches, and that they are forgotten.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{BatchId, JobId};
use inkstone_domain::job::{BatchCounts, Job, JobBatch, JobError, JobStatus};
use inkstone_domain::ports::{NewBatch, NewJob};
use inkstone_domain::{Error, Result, codes};

use super::super::{State, already_exists, not_found};
use super::JobEntry;

/// A batch without its counts.
pub(in super::super) struct BatchEntry {
    batch: JobBatch,
}

impl State {
    /// `earlier` are those of its batch that come before it.
    pub(super) fn check_new(&self, new: &NewJob, earlier: &[NewJob]) -> Result<()> {
        if self.jobs.contains_key(&new.id) {
            return Err(already_exists("job", new.id));
        }
        for awaited in &new.after {
            if earlier.iter().any(|job| job.id == *awaited) {
                continue;
            }
            let entry = self.jobs.get(awaited);
            let status = entry.ok_or_else(|| not_found("job", awaited))?.job.status;
            if status.can_be_requeued() {
                let reason =
                    format!("the job `{awaited}` ended as {status}, so nothing can come after it");
                return Err(Error::new(&codes::CONFLICT, reason));
            }
        }
        Ok(())
    }

    pub(in super::super) fn put_job(&mut self, new: NewJob, batch: Option<BatchId>) -> Job {
        let is_done = |id: &JobId| self.status_of(*id) == Some(JobStatus::Succeeded);
        let status = match new.after.iter().all(is_done) {
            true => JobStatus::Queued,
            false => JobStatus::Waiting,
        };
        let entry = JobEntry::new(new, status, batch);
        let job = entry.job.clone();
        let told = ScopedEvent::job_queued(job.id, job.owner, &job.task, job.enqueued_at);
        self.tell_of(told);
        self.jobs.insert(job.id, entry);
        job
    }

    pub(super) fn put_batch(&mut self, new: NewBatch) -> Result<JobBatch> {
        if self.batches.contains_key(&new.id) {
            return Err(already_exists("batch", new.id));
        }
        for (place, job) in new.jobs.iter().enumerate() {
            self.check_new(job, &new.jobs[..place])?;
        }
        let batch = JobBatch {
            id: new.id,
            owner: new.owner,
            name: new.name,
            counts: BatchCounts::default(),
            created_at: new.created_at,
            ended_at: None,
        };
        for job in new.jobs {
            self.put_job(job, Some(batch.id));
        }
        let id = batch.id;
        self.batches.insert(id, BatchEntry { batch });
        self.batch_now(id).ok_or_else(|| not_found("batch", id))
    }

    pub(super) fn batch_now(&self, id: BatchId) -> Option<JobBatch> {
        let batch = self.batches.get(&id)?.batch.clone();
        let jobs = self.jobs.values().map(|entry| &entry.job);
        let of_it = jobs.filter(|job| job.batch == Some(id));
        let counts = BatchCounts::of(of_it.map(|job| job.status));
        Some(JobBatch { counts, ..batch })
    }

    pub(super) fn reopen(&mut self, batch: Option<BatchId>) {
        if let Some(entry) = batch.and_then(|id| self.batches.get_mut(&id)) {
            entry.batch.ended_at = None;
        }
    }

    /// Of one job that ended, as far as `limit` goes.
    pub(super) fn settle_one(&mut self, now: DateTime<Utc>, limit: usize) -> bool {
        let unsettled = self.jobs.values().find(|entry| entry.is_unsettled);
        let Some(ended) = unsettled.map(|entry| entry.job.clone()) else {
            return false;
        };
        let waits = |entry: &&JobEntry| {
            entry.job.status == JobStatus::Waiting && entry.job.after.contains(&ended.id)
        };
        let waiting: Vec<JobId> = self
            .jobs
            .values()
            .filter(waits)
            .map(|it| it.job.id)
            .collect();
        let is_success = ended.status == JobStatus::Succeeded;
        let concerned = waiting
            .into_iter()
            .filter(|id| !is_success || self.is_next(*id));
        let concerned: Vec<JobId> = concerned.take(limit + 1).collect();
        let has_more = concerned.len() > limit;
        for id in concerned.into_iter().take(limit) {
            match is_success {
                true => self.let_go(id),
                false => self.cancel_after(id, &ended, now),
            }
        }
        if !has_more {
            self.end_batch(ended.batch, now);
            if let Some(entry) = self.jobs.get_mut(&ended.id) {
                entry.is_unsettled = false;
            }
        }
        true
    }

    pub(super) fn forget_ended(&mut self, before: DateTime<Utc>, limit: usize) -> u64 {
        let is_old = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at < before);
        let old = self.jobs.values().filter(|it| is_old(it.job.finished_at));
        let old: BTreeSet<JobId> = old.map(|entry| entry.job.id).take(limit).collect();
        self.jobs.retain(|id, _| !old.contains(id));
        self.batches
            .retain(|_, entry| !is_old(entry.batch.ended_at));
        old.len() as u64
    }

    fn status_of(&self, id: JobId) -> Option<JobStatus> {
        self.jobs.get(&id).map(|entry| entry.job.status)
    }

    /// All that it waited for is done.
    fn is_next(&self, id: JobId) -> bool {
        let awaited = self.jobs.get(&id).map(|entry| entry.job.after.clone());
        // What is forgotten ended long ago.
        let is_done = |id: &JobId| matches!(self.status_of(*id), None | Some(JobStatus::Succeeded));
        awaited.unwrap_or_default().iter().all(is_done)
    }

    fn let_go(&mut self, id: JobId) {
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.job.status = JobStatus::Queued;
        }
    }

    fn cancel_after(&mut self, id: JobId, ended: &Job, now: DateTime<Utc>) {
        let Some(entry) = self.jobs.get_mut(&id) else {
            return;
        };
        entry.finish(JobStatus::Cancelled, now);
        entry.job.error = Some(JobError::of_dependency(ended));
        let told = ScopedEvent::job_cancelled(&entry.job, now);
        self.tell_of(told);
    }

    fn end_batch(&mut self, id: Option<BatchId>, now: DateTime<Utc>) {
        let Some(batch) = id.and_then(|id| self.batch_now(id)) else {
            return;
        };
        if batch.counts.open() > 0 || batch.ended_at.is_some() {
            return;
        }
        if let Some(entry) = self.batches.get_mut(&batch.id) {
            entry.batch.ended_at = Some(now);
        }
        self.tell_of(ScopedEvent::batch_ended(&batch, now));
    }
}
