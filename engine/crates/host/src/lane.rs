//! Guests that compute for long take turns, so that those which answer at once never wait for them:
//! all of them together get all threads but one. A turn is one tick, and the first to wait is the
//! next to run. A plugin that was seen computing for long, and then again, takes turns from the start
//! of its calls for a while. Waiting for a turn costs no computing time, but the deadline goes on.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a call may compute before it has to take turns. A call of a well-made plugin needs less,
/// unless computing is what it is for.
const LONG: Duration = Duration::from_millis(5);
/// How long a plugin is remembered. Once in a while any call takes long, where the system has to find
/// memory for it: only a second time within this makes a plugin one that computes for long.
const REMEMBERED: Duration = Duration::from_secs(30);

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

    async fn turn(self) -> Option<Turn> {
        // First everybody else on this thread.
        tokio::task::yield_now().await;
        // Closed never.
        self.0.acquire_owned().await.ok()
    }
}

/// Whether one plugin takes turns.
pub(crate) struct Pace {
    lane: Lane,
    origin: Instant,
    /// In milliseconds after `origin`: until when the last long call counts, and the memory of more than one.
    last_until_ms: AtomicU64,
    remembered_until_ms: AtomicU64,
}

impl Pace {
    pub fn new(lane: Lane) -> Self {
        Self {
            lane,
            origin: Instant::now(),
            last_until_ms: AtomicU64::new(0),
            remembered_until_ms: AtomicU64::new(0),
        }
    }

    /// For a call that begins: the turn it has to wait for, if its plugin is one that computes for long.
    pub fn at_start(&self) -> Option<impl Future<Output = Option<Turn>> + Send + use<>> {
        self.is_remembered().then(|| self.lane.clone().turn())
    }

    /// For a call that has computed for so long, and for so long at its tick before: the turn it has
    /// to wait for.
    pub fn at_tick(
        &self,
        before: Duration,
        computed: Duration,
    ) -> Option<impl Future<Output = Option<Turn>> + Send + use<>> {
        if computed < LONG && !self.is_remembered() {
            return None;
        }
        if before < LONG && LONG <= computed {
            self.remember();
        }
        Some(self.lane.clone().turn())
    }

    /// A call has become a long one.
    fn remember(&self) {
        let now_ms = self.now_ms();
        let until_ms = now_ms + milliseconds(REMEMBERED);
        if now_ms < self.last_until_ms.swap(until_ms, Ordering::Relaxed) {
            self.remembered_until_ms.store(until_ms, Ordering::Relaxed);
        }
    }

    fn is_remembered(&self) -> bool {
        let until_ms = self.remembered_until_ms.load(Ordering::Relaxed);
        // Most plugins never are, and need not look at the clock.
        until_ms > 0 && self.now_ms() < until_ms
    }

    fn now_ms(&self) -> u64 {
        milliseconds(self.origin.elapsed())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn one_thread_is_left_to_the_others() {
        let lane = Lane::new();
        let first = lane.clone().turn().await;
        let second = lane.clone().turn().await;
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

    #[test]
    fn a_plugin_that_computes_for_long_again_is_remembered() {
        let pace = Pace::new(Lane::new());
        assert!(pace.at_start().is_none());
        let at_tick = |before_ms, computed_ms| {
            let [before, computed] = [before_ms, computed_ms].map(Duration::from_millis);
            pace.at_tick(before, computed).is_some()
        };
        assert!(!at_tick(3, 4));
        assert!(at_tick(4, 5));
        // Long once is no habit, however long it is.
        assert!(at_tick(5, 6));
        assert!(pace.at_start().is_none());
        assert!(!at_tick(0, 1));
        assert!(at_tick(4, 5));
        assert!(pace.at_start().is_some());
        assert!(at_tick(0, 0));
        let other = Pace::new(pace.lane.clone());
        assert!(other.at_start().is_none());
    }
}
