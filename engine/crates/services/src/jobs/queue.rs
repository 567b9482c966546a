//! The way into the queue.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::ids::{JobId, UserId};
use inkstone_domain::job::{Job, JobBatch, Priority, Task, WorkTask};
use inkstone_domain::ports::{Clock, EngineBus, JobStore, NewBatch, NewJob, News};
use tokio::sync::Notify;

/// When a job is to run. By default as soon as its turn comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    pub priority: Priority,
    /// Not before; a time that is over is now.
    pub run_at: Option<DateTime<Utc>>,
    /// Jobs that must succeed first.
    pub after: Vec<JobId>,
}

/// Takes jobs and wakes a worker. Who may ask for what is the asker's business.
#[derive(Clone)]
pub struct Queue {
    store: Arc<dyn JobStore>,
    clock: Arc<dyn Clock>,
    bus: Arc<dyn EngineBus>,
    wake: Arc<Notify>,
}

impl Queue {
    pub(crate) fn new(
        store: Arc<dyn JobStore>,
        bus: Arc<dyn EngineBus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            bus,
            clock,
            wake: Arc::new(Notify::new()),
        }
    }

    pub(super) fn store(&self) -> Arc<dyn JobStore> {
        Arc::clone(&self.store)
    }

    /// The engine's own work, in the name of this user. It is in the queue once this returns.
    pub async fn add(&self, owner: UserId, work: WorkTask) -> Result<Job> {
        self.add_as(JobId::new(), owner, work).await
    }

    /// The same under an id that the caller made: where it is there already, `already_exists`.
    pub(crate) async fn add_as(&self, id: JobId, owner: UserId, work: WorkTask) -> Result<Job> {
        let new = self.new_job(id, owner, Task::Work(work), Terms::default());
        self.submit(new).await
    }

    /// A job under an id that the caller made.
    pub(super) fn new_job(&self, id: JobId, owner: UserId, task: Task, terms: Terms) -> NewJob {
        let now = self.clock.now();
        let Terms {
            priority,
            run_at,
            mut after,
        } = terms;
        after.sort_unstable();
        after.dedup();
        NewJob {
            id,
            owner,
            task,
            priority,
            run_at: run_at.map_or(now, |at| at.max(now)),
            after,
            enqueued_at: now,
        }
    }

    pub(super) async fn submit(&self, new: NewJob) -> Result<Job> {
        let job = self.store.submit(new).await?;
        self.there_is_more();
        Ok(job)
    }

    pub(crate) async fn submit_batch(&self, new: NewBatch) -> Result<JobBatch> {
        let batch = self.store.submit_batch(new).await?;
        self.there_is_more();
        Ok(batch)
    }

    /// Wakes a worker, here or elsewhere.
    pub(super) fn there_is_more(&self) {
        self.wake.notify_one();
        self.bus.tell(News::Jobs);
    }

    /// Told where there may be something to do.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }
}
