//! Moves the epoch on, so that running guests look at their meters. While no call is under way it
//! rests: an idle engine wakes no core two thousand times a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// Ticks without a call before it rests: calls that follow each other need not wake it.
const LINGER: u32 = 400;

/// Ends when it is dropped.
pub(crate) struct Ticker {
    pulse: Arc<Pulse>,
    thread: Option<JoinHandle<()>>,
}

/// A call is under way for as long as this lives.
pub(crate) struct Ticking(Arc<Ticker>);

/// What the thread and the calls tell each other. Whoever begins a call writes `running` and then
/// reads `is_resting`, and the thread does it the other way round, so the order is a total one.
#[derive(Default)]
struct Pulse {
    running: AtomicU32,
    is_resting: AtomicBool,
    is_over: AtomicBool,
}

impl Ticker {
    /// A thread of its own: it must tick even when every worker is busy in a guest.
    pub fn start(engine: &Engine, tick: Duration) -> std::io::Result<Self> {
        let pulse = Arc::<Pulse>::default();
        let engine = engine.weak();
        let of_thread = pulse.clone();
        let beat = move || {
            let mut idle_ticks = 0;
            while !of_thread.is_over.load(Ordering::SeqCst) {
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
                drop(engine);
                idle_ticks = match of_thread.running.load(Ordering::SeqCst) {
                    0 => idle_ticks + 1,
                    _ => 0,
                };
                if idle_ticks < LINGER {
                    thread::park_timeout(tick);
                } else {
                    of_thread.rest();
                    idle_ticks = 0;
                }
            }
        };
        let thread = thread::Builder::new()
            .name("epoch-ticker".to_owned())
            .spawn(beat)?;
        Ok(Self {
            pulse,
            thread: Some(thread),
        })
    }

    /// Ticks at least until the guard is dropped.
    pub fn during_call(self: &Arc<Self>) -> Ticking {
        self.pulse.running.fetch_add(1, Ordering::SeqCst);
        if self.pulse.is_resting.load(Ordering::SeqCst) {
            self.wake();
        }
        Ticking(self.clone())
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pulse.is_over.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It has nothing that could fail, and waits at most for its own last tick.
            let _ = thread.join();
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.pulse.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Pulse {
    fn rest(&self) {
        self.is_resting.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && !self.is_over.load(Ordering::SeqCst) {
            thread::park();
        }
        self.is_resting.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(20), "never {what}");
            thread::yield_now();
        }
    }

    #[test]
    fn it_rests_while_there_is_no_call() {
        let engine = Engine::default();
        let ticker = Arc::new(Ticker::start(&engine, Duration::from_micros(100)).unwrap());
        let is_resting = || ticker.pulse.is_resting.load(Ordering::SeqCst);
        for _ in 0..3 {
            wait_until("resting", is_resting);
            let first = ticker.during_call();
            let second = ticker.during_call();
            wait_until("awake", || !is_resting());
            drop(first);
            // Many times the ticks it would linger for.
            for _ in 0..LINGER {
                thread::sleep(Duration::from_micros(200));
                assert!(!is_resting());
            }
            drop(second);
        }
    }

    #[test]
    fn it_ends_while_it_rests_and_while_it_ticks() {
        let engine = Engine::default();
        let ticker = Arc::new(Ticker::start(&engine, Duration::from_micros(100)).unwrap());
        wait_until("resting", || ticker.pulse.is_resting.load(Ordering::SeqCst));
        drop(ticker);
        drop(Ticker::start(&engine, Duration::from_secs(3600)).unwrap());
    }
}
