//! What has ended is kept for a while, and then forgotten in small pieces.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Jobs;
use crate::rounds::Rounds;
use crate::sweep::in_pieces;

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
        let forget = |piece| self.store.forget_jobs(before, piece);
        if let Err(error) = in_pieces(FORGOTTEN_AT_ONCE, stop, forget).await {
            tracing::warn!(?error, "old jobs could not be forgotten");
        }
    }
}
