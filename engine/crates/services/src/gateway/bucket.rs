//! A token bucket that can be paid back: what a call took too much is returned, and what it took too
//! little is owed. (`governor` and its kin cannot give back, and a call's tokens are known only at its end.)

use std::time::Duration;

use tokio::time::Instant;

/// A bound of nothing never fills; who asks may look again tomorrow.
const NEVER: Duration = Duration::from_secs(86_400);

/// Holds a minute's worth, and fills evenly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    per_minute: f64,
    /// Below zero: owed.
    level: f64,
    at: Instant,
}

impl Bucket {
    pub fn full(per_minute: u64, now: Instant) -> Self {
        let per_minute = per_minute as f64;
        Self {
            per_minute,
            level: per_minute,
            at: now,
        }
    }

    /// Keeps the level where the bound was changed.
    pub fn resize(&mut self, per_minute: u64, now: Instant) {
        self.refill(now);
        let spent = self.per_minute - self.level;
        self.per_minute = per_minute as f64;
        self.level = self.per_minute - spent;
    }

    /// How long until so much is there; `None` where it is. More than it can hold waits for a full one.
    pub fn wait_for(&mut self, amount: f64, now: Instant) -> Option<Duration> {
        if self.per_minute <= 0.0 {
            return Some(NEVER);
        }
        self.refill(now);
        let missing = amount.min(self.per_minute) - self.level;
        // What floats leave over is no missing token.
        (missing > 1e-6).then(|| self.time_for(missing))
    }

    /// Takes or, below zero, gives back.
    pub fn take(&mut self, amount: f64) {
        self.level = (self.level - amount).min(self.per_minute);
    }

    /// Whole ones that are there.
    pub fn remaining(&self) -> u64 {
        (self.level + 1e-6).max(0.0) as u64
    }

    /// Until it is full again.
    pub fn reset(&self) -> Duration {
        self.time_for(self.per_minute - self.level)
    }

    pub fn limit(&self) -> u64 {
        self.per_minute as u64
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.per_minute / 60.0).min(self.per_minute);
        self.at = now;
    }

    fn time_for(&self, amount: f64) -> Duration {
        let seconds = amount.max(0.0) * 60.0 / self.per_minute.max(f64::MIN_POSITIVE);
        Duration::try_from_secs_f64(seconds).unwrap_or(NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_empties_and_fills_evenly() {
        let start = Instant::now();
        let mut bucket = Bucket::full(60, start);
        for _ in 0..60 {
            assert_eq!(bucket.wait_for(1.0, start), None);
            bucket.take(1.0);
        }
        assert_eq!(bucket.remaining(), 0);
        assert_eq!(bucket.wait_for(1.0, start), Some(Duration::from_secs(1)));
        let later = start + Duration::from_secs(2);
        assert_eq!(bucket.wait_for(2.0, later), None);
        assert_eq!(bucket.reset(), Duration::from_secs(58));
    }

    #[test]
    fn what_was_too_much_comes_back_and_what_was_too_little_is_owed() {
        let start = Instant::now();
        let mut bucket = Bucket::full(100, start);
        bucket.take(100.0);
        bucket.take(-40.0);
        assert_eq!(bucket.remaining(), 40);
        bucket.take(90.0);
        assert_eq!(bucket.remaining(), 0);
        assert_eq!(bucket.wait_for(10.0, start), Some(Duration::from_secs(36)));
    }

    #[test]
    fn a_bound_of_nothing_lets_nothing_pass() {
        let start = Instant::now();
        let mut bucket = Bucket::full(0, start);
        assert_eq!(bucket.wait_for(1.0, start), Some(NEVER));
    }

    #[test]
    fn more_than_it_holds_passes_where_it_is_full() {
        let start = Instant::now();
        let mut bucket = Bucket::full(10, start);
        assert_eq!(bucket.wait_for(1_000.0, start), None);
        bucket.take(1_000.0);
        assert!(bucket.wait_for(1.0, start).is_some());
    }
}
