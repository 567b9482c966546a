//! Workers: each claims one job at a time and sees it through. What is done with a claimed job is in
//! `attempt`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use inkstone_domain::ports::{Clock, JobStore, UserStore};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::JobsConfig;
use super::attempt::Attempt;
use super::feed::Feeds;
use super::work::WorkKinds;
use crate::chat::Chat;
use crate::models::Models;
use crate::plugins::Plugins;
use crate::search::Search;

/// Jobs that go on, or are cancelled, in one transaction.
const SETTLED_AT_ONCE: usize = 100;

/// What jobs are done with.
#[derive(Clone)]
pub struct WorkerPowers {
    /// Jobs act in the name of their owners.
    pub users: Arc<dyn UserStore>,
    pub chat: Arc<Chat>,
    pub search: Arc<Search>,
    /// Who does the engine's own work.
    pub kinds: WorkKinds,
}

/// Does the queued work.
pub struct Worker {
    pub(super) store: Arc<dyn JobStore>,
    pub(super) plugins: Arc<Plugins>,
    pub(super) models: Arc<Models>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: JobsConfig,
    pub(super) feeds: Feeds,
    pub(super) wake: Arc<Notify>,
    pub(super) powers: WorkerPowers,
}

impl Worker {
    /// Does up to `count` jobs at a time until `stop`; then running ones go back into the queue, at
    /// their last checkpoint. Dropping the future leaves them to their leases.
    pub async fn run(&self, count: usize, stop: CancellationToken) {
        join_all((0..count).map(|number| self.work(number, &stop))).await;
    }

    async fn work(&self, number: usize, stop: &CancellationToken) {
        let name = format!("{}/{number}", self.config.worker);
        while !stop.is_cancelled() {
            let (lease, limits) = (self.config.lease, &self.config.limits);
            let claim = self.store.claim(&name, lease, limits, self.clock.now());
            match claim.await {
                Ok(Some(claimed)) => {
                    // Others may be due as well.
                    self.wake.notify_one();
                    let id = claimed.job.id;
                    let attempt = Attempt::new(self, claimed).run(stop);
                    // One broken adapter must not end all workers; the lease brings the job back.
                    if AssertUnwindSafe(attempt).catch_unwind().await.is_err() {
                        tracing::error!(job.id = %id, "the work on the job panicked");
                    }
                    self.settle_ends().await;
                    continue;
                }
                Ok(None) if self.settle_ends().await => continue,
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(worker = name, error = ?error, "no job could be claimed");
                }
            }
            // The signal is for jobs of this process; those of others, whose time has come, and leases that
            // ran out are found by looking.
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.config.poll_interval) => {}
            }
        }
    }

    /// Sees to all that follows from the ends so far. Whether there was anything.
    async fn settle_ends(&self) -> bool {
        let mut was_any = false;
        loop {
            match self
                .store
                .settle_ends(self.clock.now(), SETTLED_AT_ONCE)
                .await
            {
                Ok(true) => was_any = true,
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(error = ?error, "what follows from the ends of jobs has to wait");
                    return false;
                }
            }
        }
        if was_any {
            // Who waited may be due.
            self.wake.notify_one();
        }
        was_any
    }
}
