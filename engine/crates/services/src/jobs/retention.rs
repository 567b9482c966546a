//! What has ended is kept for a while, and then forgotten in small pieces.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Jobs;
use crate::rounds::Rounds;

const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGOTTEN_AT_ONCE: usize = 500;

impl Jobs {
    /// Forgets what was kept long enough, until `stop`.
    pub async fn forget_old(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(FORGET_EVERY, stop.clone());
        while rounds.next().await {
            self.forget_now(&stop).await;
        }
    }

    async fn forget_now(&self, stop: &CancellationToken) {
        let Some(kept) = self.config.kept else {
            return;
        };
        let before = self.clock.now() - kept;
        // Small transactions, between which others get their turn.
        while !stop.is_cancelled() {
            match self.store.forget_jobs(before, FORGOTTEN_AT_ONCE).await {
                Ok(gone) if gone == FORGOTTEN_AT_ONCE as u64 => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(?error, "old jobs could not be forgotten");
                    return;
                }
            }
        }
    }
}
