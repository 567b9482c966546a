//! Writes rollouts and history down behind the routing's back: what was decided holds at once, and is
//! kept as soon as the store takes it, in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use inkstone_domain::ports::RolloutStore;
use inkstone_domain::rollout::RolloutChange;

/// More than this is only waiting where the store is gone for long; then the oldest are lost.
const MOST_WAITING: usize = 10_000;

pub(super) struct Journal {
    store: Arc<dyn RolloutStore>,
    waiting: Mutex<VecDeque<RolloutChange>>,
    /// Held while writing, so that the order stays.
    writing: tokio::sync::Mutex<()>,
}

impl Journal {
    pub(super) fn new(store: Arc<dyn RolloutStore>) -> Self {
        Self {
            store,
            waiting: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn store(&self) -> &dyn RolloutStore {
        self.store.as_ref()
    }

    /// Must be called in the order of the decisions, so under the lock they are made under.
    pub(super) fn push(&self, changes: impl IntoIterator<Item = RolloutChange>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(changes);
        while waiting.len() > MOST_WAITING {
            let lost = waiting.pop_front();
            tracing::error!(
                plugin.id = lost.map(|change| change.plugin),
                "a change of a rollout could not be kept: too many are waiting for the store"
            );
        }
    }

    /// Writes what is waiting. Where the store fails, the rest goes on waiting for the next time.
    pub(super) async fn flush(&self) {
        let _in_order = self.writing.lock().await;
        while let Some(change) = self.first() {
            match self.store.record_rollout(&change).await {
                Ok(()) => self.drop_first(&change),
                Err(error) if error.is_transient() => {
                    tracing::warn!(
                        plugin.id = change.plugin,
                        error = ?error,
                        "a change of a rollout could not be kept yet"
                    );
                    return;
                }
                Err(error) => {
                    tracing::error!(
                        plugin.id = change.plugin,
                        error = ?error,
                        "a change of a rollout could not be kept"
                    );
                    self.drop_first(&change);
                }
            }
        }
    }

    fn first(&self) -> Option<RolloutChange> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.front().cloned()
    }

    /// Unless it was lost meanwhile.
    fn drop_first(&self, written: &RolloutChange) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.front() == Some(written) {
            waiting.pop_front();
        }
    }
}
