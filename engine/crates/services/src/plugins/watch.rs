//! Looks at everything that serves again and again: rollouts go on or back, and who fails too often
//! rests until a probe has passed. A look never waits; probes and writing do, each on its own.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::{Error, codes};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Plugins;
use super::live::DueProbe;
use crate::rounds::Rounds;

/// A plugin that says nothing for so long has not passed. The host has a deadline of its own.
const PROBE_DEADLINE: Duration = Duration::from_secs(60);

impl Plugins {
    /// Looks until `stop`; everything it starts is counted on `tasks`.
    pub async fn watch(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        let writer = Arc::clone(&self);
        let stopped = stop.clone();
        tasks.spawn(async move { writer.write_down(stopped).await });
        let mut rounds = Rounds::every(self.config.look_every, stop.clone());
        while rounds.next().await {
            for due in self.look() {
                let plugins = Arc::clone(&self);
                let stopped = stop.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        () = plugins.probe(due) => {}
                        () = stopped.cancelled() => {}
                    }
                });
            }
        }
    }

    /// One look with all that follows from it. For tests, which turn the clock themselves.
    pub async fn tick(&self) {
        for due in self.look() {
            self.probe(due).await;
        }
        self.journal.flush().await;
    }

    fn look(&self) -> Vec<DueProbe> {
        let mut live = self.live();
        let look = live.look(&self.config.quarantine, self.clock.now());
        if look.is_rerouted {
            self.publish(&live);
        }
        if !look.changes.is_empty() {
            self.journal.push(look.changes);
            self.to_write.notify_one();
        }
        look.probes
    }

    async fn probe(&self, due: DueProbe) {
        let checked = tokio::time::timeout(PROBE_DEADLINE, due.plugin.probe.check()).await;
        let outcome = checked.unwrap_or_else(|_elapsed| {
            Err(Error::new(
                &codes::PLUGIN_DEADLINE,
                "it did not answer in time",
            ))
        });
        let failure = outcome
            .err()
            .map(|error| format!("{} ({})", error.message(), error.code().name));
        let mut live = self.live();
        let now = self.clock.now();
        let change = live.probed(&due, failure, &self.config.quarantine, now);
        self.publish(&live);
        if change.is_some() {
            self.journal.push(change);
            self.to_write.notify_one();
        }
    }

    /// What the store did not take is tried again with every look.
    async fn write_down(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.to_write.notified() => {}
                () = tokio::time::sleep(self.config.look_every) => {}
                () = stop.cancelled() => return self.journal.flush().await,
            }
            self.journal.flush().await;
        }
    }
}
