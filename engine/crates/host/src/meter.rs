//! Computing time of one call. What counts is the time in which the call's future is really polled:
//! waiting for an upstream costs nothing. The epoch ticker makes a guest look at its meter.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shared by the store (which asks whether the budget is spent) and the future that runs it. Both
/// are on one thread at a time, so the orderings are relaxed.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    origin: Instant,
    budget_ns: u64,
    used_ns: AtomicU64,
    /// When the running poll began, in nanoseconds after `origin`.
    poll_began_ns: AtomicU64,
}

impl CpuMeter {
    pub fn new(budget: Duration) -> Self {
        Self {
            origin: Instant::now(),
            budget_ns: nanoseconds(budget),
            used_ns: AtomicU64::new(0),
            poll_began_ns: AtomicU64::new(0),
        }
    }

    /// Begins the next pull of a stream with a full budget.
    pub fn restart(&self) {
        self.used_ns.store(0, Ordering::Relaxed);
    }

    /// Asked from within a poll.
    pub fn is_spent(&self) -> bool {
        let running = self.now_ns() - self.poll_began_ns.load(Ordering::Relaxed);
        self.used_ns.load(Ordering::Relaxed) + running >= self.budget_ns
    }

    /// Runs the future and counts the time it is polled.
    pub async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let began_ns = self.now_ns();
            self.poll_began_ns.store(began_ns, Ordering::Relaxed);
            let outcome = future.as_mut().poll(context);
            self.used_ns
                .fetch_add(self.now_ns() - began_ns, Ordering::Relaxed);
            outcome
        })
        .await
    }

    fn now_ns(&self) -> u64 {
        nanoseconds(self.origin.elapsed())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_costs_nothing() {
        let wait = Duration::from_millis(50);
        let meter = CpuMeter::new(Duration::from_secs(1));
        meter.measure(tokio::time::sleep(wait)).await;
        assert!(meter.used_ns.load(Ordering::Relaxed) < nanoseconds(wait));
    }

    #[tokio::test]
    async fn work_spends_the_budget_and_a_restart_fills_it() {
        let meter = CpuMeter::new(Duration::from_millis(2));
        let spent = meter
            .measure(async {
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(3) {
                    std::hint::spin_loop();
                }
                meter.is_spent()
            })
            .await;
        assert!(spent);
        meter.restart();
        assert_eq!(meter.used_ns.load(Ordering::Relaxed), 0);
    }
}
