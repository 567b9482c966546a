//! What one call uses: computing time, memory, bytes and calls of the host. Time counts while the
//! call's future is really polled: waiting for an upstream costs nothing. The epoch ticker makes a
//! guest look at its meter.
//!
//! A poll is counted in stretches, from tick to tick. Asking for the thread's own time is dear (a call
//! of the kernel), so the first stretch, all that most polls have, goes by the clock on the wall and
//! counts for a few ticks at most; the following ones go by the thread's own time. So a
//! busy machine, which makes a guest wait for its core, spends nobody's budget.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::lane::Turn;

/// The most a first stretch counts for. It ends with the next tick, unless an import takes longer.
const FIRST_STRETCH: Duration = Duration::from_millis(4);

/// Shorter than a tick.
const JUST_BEGUN: Duration = Duration::from_micros(250);

/// Shared by the store (which asks whether the budget is spent), the future that runs it, and
/// whoever counts what calls used. Store and future are on one thread at a time, so the orderings
/// are relaxed.
#[derive(Debug)]
pub(crate) struct Meter {
    origin: Instant,
    budget_ns: u64,
    /// Since the last restart.
    used_ns: AtomicU64,
    /// Before the last restart.
    earlier_ns: AtomicU64,
    /// When the running poll began, in nanoseconds after `origin`.
    poll_began_ns: AtomicU64,
    memory_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    host_calls: AtomicU32,
    max_host_calls: u32,
    /// Held while a guest that computes for long is polled.
    turn: Mutex<Option<Turn>>,
    /// When the running stretch began, in the own time of the thread that polls; 0 in the first one.
    went_on_ns: AtomicU64,
    /// In stretches after the first, since the last restart.
    after_ticks_ns: AtomicU64,
}

impl Meter {
    pub fn new(cpu_budget: Duration, max_host_calls: u32) -> Self {
        Self {
            origin: Instant::now(),
            budget_ns: nanoseconds(cpu_budget),
            used_ns: AtomicU64::new(0),
            earlier_ns: AtomicU64::new(0),
            poll_began_ns: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            host_calls: AtomicU32::new(0),
            max_host_calls,
            turn: Mutex::new(None),
            went_on_ns: AtomicU64::new(0),
            after_ticks_ns: AtomicU64::new(0),
        }
    }

    /// Begins the next pull of a stream with a full budget.
    pub fn restart(&self) {
        self.after_ticks_ns.store(0, Ordering::Relaxed);
        let used_ns = self.used_ns.swap(0, Ordering::Relaxed);
        self.earlier_ns.fetch_add(used_ns, Ordering::Relaxed);
    }

    /// Whether the running poll began only just now, as after a wait for an upstream: ticks pass meanwhile,
    /// and the guest sees them the moment it goes on.
    pub fn has_just_begun(&self) -> bool {
        let polled_ns = self.now_ns() - self.poll_began_ns.load(Ordering::Relaxed);
        self.went_on_ns.load(Ordering::Relaxed) == 0 && polled_ns < nanoseconds(JUST_BEGUN)
    }

    /// Told from within a poll: the guest has come to a tick, or goes on after one.
    pub fn tick(&self) {
        self.end_stretch();
        self.went_on_ns.store(thread_ns(), Ordering::Relaxed);
    }

    /// As of the last tick.
    pub fn is_spent(&self) -> bool {
        self.used_ns.load(Ordering::Relaxed) >= self.budget_ns
    }

    /// What the guest has computed from tick to tick since the last restart, as of the last tick:
    /// nothing in a call that waits before its first tick.
    pub fn computed_long(&self) -> Duration {
        Duration::from_nanos(self.after_ticks_ns.load(Ordering::Relaxed))
    }

    /// The guest may compute; until its poll ends, it keeps others from it.
    pub fn takes_turn(&self, turn: Option<Turn>) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    /// Runs the future and counts the time it is polled.
    pub async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.poll_began_ns.store(self.now_ns(), Ordering::Relaxed);
            let outcome = future.as_mut().poll(context);
            self.end_stretch();
            self.takes_turn(None);
            outcome
        })
        .await
    }

    /// Counts one import. False where the call has made all it may.
    pub fn host_call(&self) -> bool {
        self.host_calls.fetch_add(1, Ordering::Relaxed) < self.max_host_calls
    }

    /// The instance has grown to this much.
    pub fn memory(&self, bytes: usize) {
        self.memory_bytes.fetch_max(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of a body went out.
    pub fn sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of a body came in.
    pub fn received(&self, bytes: usize) {
        self.received_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Everything so far.
    pub fn reading(&self) -> Reading {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reading {
            cpu: Duration::from_nanos(read(&self.used_ns) + read(&self.earlier_ns)),
            memory_bytes: read(&self.memory_bytes),
            sent_bytes: read(&self.sent_bytes),
            received_bytes: read(&self.received_bytes),
            host_calls: u64::from(self.host_calls.load(Ordering::Relaxed)),
        }
    }

    fn end_stretch(&self) {
        match self.went_on_ns.swap(0, Ordering::Relaxed) {
            0 => {
                let wall_ns = self.now_ns() - self.poll_began_ns.load(Ordering::Relaxed);
                let counted_ns = wall_ns.min(nanoseconds(FIRST_STRETCH));
                self.used_ns.fetch_add(counted_ns, Ordering::Relaxed);
            }
            went_on_ns => {
                let more_ns = thread_ns().saturating_sub(went_on_ns);
                self.used_ns.fetch_add(more_ns, Ordering::Relaxed);
                self.after_ticks_ns.fetch_add(more_ns, Ordering::Relaxed);
            }
        }
    }

    fn now_ns(&self) -> u64 {
        nanoseconds(self.origin.elapsed())
    }
}

/// What a call has used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    pub cpu: Duration,
    pub memory_bytes: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub host_calls: u64,
}

/// Computing time of this thread.
fn thread_ns() -> u64 {
    nanoseconds(ThreadTime::now().as_duration())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(budget: Duration) -> Meter {
        Meter::new(budget, 2)
    }

    #[tokio::test]
    async fn waiting_costs_nothing() {
        let wait = Duration::from_millis(50);
        let meter = meter(Duration::from_secs(1));
        meter.measure(tokio::time::sleep(wait)).await;
        assert!(meter.reading().cpu < wait);
    }

    /// Keeps the thread's core for so long, by the thread's own time.
    fn compute(time: Duration) {
        let end_ns = thread_ns() + nanoseconds(time);
        while thread_ns() < end_ns {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn work_spends_the_budget_and_a_restart_fills_it() {
        let work = Duration::from_millis(3);
        let meter = meter(Duration::from_millis(5));
        meter
            .measure(async {
                compute(work);
                meter.tick();
                assert!(!meter.is_spent());
                assert_eq!(meter.computed_long(), Duration::ZERO);
                compute(work);
                meter.tick();
                assert!(meter.is_spent());
                assert!(meter.computed_long() >= work);
            })
            .await;
        meter.restart();
        assert!(!meter.is_spent());
        assert_eq!(meter.computed_long(), Duration::ZERO);
        assert!(meter.reading().cpu >= work * 2);
    }

    #[tokio::test]
    async fn a_busy_machine_spends_no_budget() {
        let meter = meter(Duration::from_millis(40));
        meter
            .measure(async {
                // As a thread that is kept from its core.
                for _ in 0..3 {
                    std::thread::sleep(Duration::from_millis(20));
                    meter.tick();
                }
            })
            .await;
        assert!(!meter.is_spent());
        assert!(meter.reading().cpu < Duration::from_millis(20));
    }

    #[test]
    fn host_calls_end_at_their_number() {
        let meter = meter(Duration::MAX);
        assert!(meter.host_call());
        assert!(meter.host_call());
        assert!(!meter.host_call());
    }
}
