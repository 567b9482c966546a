//! Guests that compute for long take turns, so that those which answer at once never wait for them:
//! all of them together get all threads but one. A turn is one tick, and the first to wait is the
//! next to run. Waiting for a turn costs no computing time, but the deadline goes on.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a call may compute before it has to take turns. A call of a well-made plugin needs less,
/// unless computing is what it is for.
pub(crate) const LONG: Duration = Duration::from_millis(10);

/// The turns there are at a time.
#[derive(Clone)]
pub(crate) struct Lane(Arc<Semaphore>);

/// Leave to compute until the next tick. Given back when the guest stops, for whatever reason.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Lane {
    /// One turn less than the runtime has threads, and at least one.
    pub fn new() -> Self {
        let threads = Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers());
        Self(Arc::new(Semaphore::new(threads.saturating_sub(1).max(1))))
    }

    /// Steps aside for everybody else on this thread, and then waits for a turn.
    pub fn turn(&self) -> impl Future<Output = Option<Turn>> + Send + 'static {
        let turns = self.0.clone();
        async move {
            tokio::task::yield_now().await;
            // Closed never.
            turns.acquire_owned().await.ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn one_thread_is_left_to_the_others() {
        let lane = Lane::new();
        let first = lane.turn().await;
        let second = lane.turn().await;
        assert!(first.is_some() && second.is_some());
        let mut third = Box::pin(lane.turn());
        // The first look steps aside, the second waits.
        assert!(third.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.await.is_some());
    }

    #[tokio::test]
    async fn even_a_single_thread_has_a_turn() {
        assert!(Lane::new().turn().await.is_some());
    }
}
