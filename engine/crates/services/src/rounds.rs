//! Work that comes round now and then until the engine stops.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

pub(crate) struct Rounds {
    ticks: Interval,
    stop: CancellationToken,
}

impl Rounds {
    /// The first at once. One that takes longer than `period` puts off the next.
    pub fn every(period: Duration, stop: CancellationToken) -> Self {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, stop }
    }

    /// Waits for the next; false once it is stopped.
    pub async fn next(&mut self) -> bool {
        self.stop
            .run_until_cancelled(self.ticks.tick())
            .await
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rounds_begin_at_once_and_end_where_they_are_stopped() {
        let stop = CancellationToken::new();
        let mut rounds = Rounds::every(Duration::from_secs(3600), stop.clone());
        assert!(rounds.next().await);
        let next = tokio::spawn(async move { rounds.next().await });
        stop.cancel();
        assert!(!next.await.unwrap());
    }
}
