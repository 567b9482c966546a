//! The way into the queue.

use std::sync::Arc;

use inkstone_domain::Result;
use inkstone_domain::ids::{JobId, UserId};
use inkstone_domain::job::{Job, Task, WorkTask};
use inkstone_domain::ports::{Clock, JobStore, NewJob};
use tokio::sync::Notify;

/// Takes jobs and wakes a worker of this process. Who may ask for what is the asker's business.
#[derive(Clone)]
pub struct Queue {
    store: Arc<dyn JobStore>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
}

impl Queue {
    pub(super) fn new(store: Arc<dyn JobStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            wake: Arc::new(Notify::new()),
        }
    }

    /// The engine's own work, in the name of this user. It is in the queue once this returns.
    pub async fn add(&self, owner: UserId, work: WorkTask) -> Result<Job> {
        self.submit(JobId::new(), owner, Task::Work(work)).await
    }

    pub(super) async fn submit(&self, id: JobId, owner: UserId, task: Task) -> Result<Job> {
        let new = NewJob {
            id,
            owner,
            task,
            enqueued_at: self.clock.now(),
        };
        let job = self.store.submit(new).await?;
        self.wake.notify_one();
        Ok(job)
    }

    /// Told of every new job.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }
}
