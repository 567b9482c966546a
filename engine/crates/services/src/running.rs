//! The services while the engine runs: what they take in before the first call, what goes on beside calls, and
//! their end.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::Result;
use inkstone_domain::principal::Principal;
use tokio::time::Instant;

use crate::content::Agenda;
use crate::notifications::Notices;
use crate::search::SearchAlerts;
use crate::webhooks::FanOut;
use crate::{ApiKeys, Keys, Services};

/// What the ledger gets even where the grace period is used up.
const LAST_WRITES: Duration = Duration::from_secs(1);

impl Services {
    /// Takes in what the store and the journal hold: for the start, before any call.
    pub async fn load(&self) -> Result<()> {
        let left_over = self.journal.left_over();
        if !left_over.is_empty() {
            tracing::info!(
                records = left_over.len(),
                "usage of an engine that was cut off is brought to the ledger"
            );
            self.ledger.append(&left_over).await?;
        }
        let spent = self.ledger.spent_since(self.limits.first_day()).await?;
        self.limits.load(self.key_store.allowances().await?, spent);
        self.keys.load().await?;
        self.api_keys.load().await?;
        self.transfers.recover().await?;
        self.chat.recover().await
    }

    /// Whom a token stands for: one of a sign-in, of a virtual key, or of an API key.
    pub fn authenticate(&self, token: &str) -> Result<Principal> {
        if Keys::is_token(token) {
            return self.keys.authenticate(token);
        }
        match ApiKeys::is_token(token) {
            true => self.api_keys.authenticate(token),
            false => self.auth.authenticate(token),
        }
    }

    /// Starts workers that do up to `count` queued jobs at a time, until [`Services::shutdown`].
    pub fn start_workers(&self, count: usize) {
        let worker = Arc::clone(&self.worker);
        let stop = self.stop.clone();
        self.workers
            .spawn(async move { worker.run(count, stop).await });
    }

    /// Starts looking at plugins while they serve: rollouts, quarantine, deployments that rest; and
    /// removes answers, deleted articles and old jobs that were kept long enough. Until [`Services::shutdown`].
    pub fn watch_plugins(&self) {
        let watch = Arc::clone(&self.plugins).watch(self.workers.clone(), self.stop.clone());
        self.workers.spawn(watch);
        let probe = Arc::clone(&self.chat).probe(self.stop.clone());
        self.workers.spawn(probe);
        let forget = Arc::clone(&self.chat).forget(self.stop.clone());
        self.workers.spawn(forget);
        let trash = Arc::clone(&self.articles).keep_trash_empty(self.stop.clone());
        self.workers.spawn(trash);
        let media = Arc::clone(&self.media).keep_tidy(self.stop.clone());
        self.workers.spawn(media);
        let jobs = Arc::clone(&self.jobs).forget_old(self.stop.clone());
        self.workers.spawn(jobs);
    }

    /// Starts following events, telling webhooks, people and subscribers, publishing what is scheduled, and embedding
    /// what articles say, until [`Services::shutdown`].
    pub fn follow_events(&self) {
        let numbering = Arc::clone(&self.events).keep_numbered();
        self.workers.spawn(numbering);
        let fan_out = Arc::new(FanOut(Arc::clone(&self.webhooks)));
        self.workers
            .spawn(Arc::clone(&self.events).run_handler(fan_out));
        let agenda = Arc::new(Agenda(Arc::clone(&self.publications)));
        self.workers
            .spawn(Arc::clone(&self.events).run_handler(agenda));
        let publishing = Arc::clone(&self.publications).keep_publishing(self.stop.clone());
        self.workers.spawn(publishing);
        let notices = Arc::new(Notices(Arc::clone(&self.notifications)));
        self.workers
            .spawn(Arc::clone(&self.events).run_handler(notices));
        let alerts = Arc::new(SearchAlerts {
            search: Arc::clone(&self.search),
            notifications: Arc::clone(&self.notifications),
        });
        self.workers
            .spawn(Arc::clone(&self.events).run_handler(alerts));
        let digests = Arc::clone(&self.notifications).keep_telling(self.stop.clone());
        self.workers.spawn(digests);
        let embedding = Arc::clone(&self.embeddings).keep();
        self.workers.spawn(embedding);
        let subscribers = Arc::clone(&self.subscribers);
        let subscribers = subscribers.keep(self.workers.clone(), self.stop.clone());
        self.workers.spawn(subscribers);
        let courier = Arc::clone(&self.webhooks).deliver(self.stop.clone());
        self.workers.spawn(courier);
    }

    /// Turns unready, stops the workers (running jobs go back to the queue at their last checkpoint),
    /// lets running calls end within `grace`, and writes out the usage. Returns whether all ended in time.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        self.health.drain();
        self.stop.cancel();
        self.workers.close();
        self.calls.close();
        let workers = tokio::time::timeout_at(deadline, self.workers.wait()).await;
        let calls = tokio::time::timeout_at(deadline, self.calls.wait()).await;
        let left = deadline.saturating_duration_since(Instant::now());
        let usage = self.recorder.shutdown(left.max(LAST_WRITES)).await;
        let is_whole = workers.is_ok() && calls.is_ok() && usage;
        if !is_whole {
            tracing::warn!(
                workers = self.workers.len(),
                calls = self.calls.len(),
                usage_written = usage,
                "the grace period ended before the work did"
            );
        }
        is_whole
    }
}
