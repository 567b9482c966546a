//! What became of a plugin version's calls: counters and a histogram, written by whoever runs the
//! calls, read by rollouts, quarantine and people. Every number is since the version was loaded;
//! what happened in between two looks is the difference of two snapshots.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::codes::{self, Code};
use crate::error::ErrorKind;
use crate::ids::UserId;

/// How one call ended.
#[derive(Debug, Clone, Copy)]
pub struct CallEnd {
    /// `None` where it succeeded.
    pub error: Option<&'static Code>,
    /// From the call to its end; for a stream, to its first item.
    pub latency: Duration,
    pub cpu: Duration,
    /// Of all memories and tables together.
    pub memory_bytes: u64,
    /// Bytes of HTTP bodies the call sent and received.
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub host_calls: u64,
}

/// Counters of one loaded version. Cheap to write from many threads.
#[derive(Debug)]
pub struct PluginStats {
    calls: AtomicU64,
    failures: AtomicU64,
    running: AtomicU64,
    queued: AtomicU64,
    cpu_us: AtomicU64,
    peak_memory_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    host_calls: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
    ratings: AtomicU64,
    rating_sum: AtomicU64,
    errors: Mutex<BTreeMap<&'static str, u64>>,
    overtaxed: [AtomicU64; CALLERS],
    latencies: [AtomicU64; BUCKETS],
}

/// Callers are told apart by a part of their id: two may be taken for one.
const CALLERS: usize = 32;

impl Default for PluginStats {
    fn default() -> Self {
        Self {
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            running: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            cpu_us: AtomicU64::new(0),
            peak_memory_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            host_calls: AtomicU64::new(0),
            input_tokens: AtomicU64::new(0),
            output_tokens: AtomicU64::new(0),
            ratings: AtomicU64::new(0),
            rating_sum: AtomicU64::new(0),
            errors: Mutex::new(BTreeMap::new()),
            overtaxed: [const { AtomicU64::new(0) }; CALLERS],
            latencies: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }
}

impl PluginStats {
    /// Counts a call that ended. What the caller got wrong or broke off is no failure of the plugin's.
    pub fn ended(&self, end: &CallEnd) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(code) = end.error {
            if is_failure(code) {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            *errors.entry(code.name).or_default() += 1;
        }
        let cpu_us = u64::try_from(end.cpu.as_micros()).unwrap_or(u64::MAX);
        self.cpu_us.fetch_add(cpu_us, Ordering::Relaxed);
        self.peak_memory_bytes
            .fetch_max(end.memory_bytes, Ordering::Relaxed);
        self.sent_bytes.fetch_add(end.sent_bytes, Ordering::Relaxed);
        self.received_bytes
            .fetch_add(end.received_bytes, Ordering::Relaxed);
        self.host_calls.fetch_add(end.host_calls, Ordering::Relaxed);
        self.latencies[bucket_of(end.latency)].fetch_add(1, Ordering::Relaxed);
    }

    /// A call of this caller ended with an error that depends on the input. A call of nobody says as much as those
    /// of several.
    pub fn overtaxed(&self, caller: Option<UserId>) {
        let places = match caller {
            // The last bits of an id are random.
            Some(user) => vec![user.0.random() as usize % CALLERS],
            None => vec![0, 1],
        };
        for place in places {
            self.overtaxed[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A call got its instance, or gave it back.
    pub fn running(&self, is_running: bool) {
        step(&self.running, is_running);
    }

    /// A call began to wait for its turn, or no longer waits.
    pub fn queued(&self, is_queued: bool) {
        step(&self.queued, is_queued);
    }

    /// Tokens of an answer, as they were settled.
    pub fn tokens(&self, input: u64, output: u64) {
        self.input_tokens.fetch_add(input, Ordering::Relaxed);
        self.output_tokens.fetch_add(output, Ordering::Relaxed);
    }

    /// What a person thought of an answer, 1 to 5.
    pub fn rated(&self, rating: u8) {
        self.ratings.fetch_add(1, Ordering::Relaxed);
        self.rating_sum
            .fetch_add(u64::from(rating), Ordering::Relaxed);
    }

    /// The most that any one call held.
    pub fn peak_memory_bytes(&self) -> u64 {
        self.peak_memory_bytes.load(Ordering::Relaxed)
    }

    /// Everything at this instant. Calls that end meanwhile may be seen in part.
    pub fn snapshot(&self) -> StatsSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        StatsSnapshot {
            calls: read(&self.calls),
            failures: read(&self.failures),
            running: read(&self.running),
            queued: read(&self.queued),
            cpu_us: read(&self.cpu_us),
            peak_memory_bytes: read(&self.peak_memory_bytes),
            sent_bytes: read(&self.sent_bytes),
            received_bytes: read(&self.received_bytes),
            host_calls: read(&self.host_calls),
            input_tokens: read(&self.input_tokens),
            output_tokens: read(&self.output_tokens),
            ratings: read(&self.ratings),
            rating_sum: read(&self.rating_sum),
            errors: errors.clone(),
            overtaxed: std::array::from_fn(|place| read(&self.overtaxed[place])),
            latencies: Latencies {
                counts: std::array::from_fn(|bucket| read(&self.latencies[bucket])),
            },
        }
    }
}

fn step(counter: &AtomicU64, up: bool) {
    if up {
        counter.fetch_add(1, Ordering::Relaxed);
    } else {
        counter.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether an error says something bad about the version that gave it: faults of the plugin and of
/// what it stands on, not those of the caller, and not a queue that was full.
fn is_failure(code: &Code) -> bool {
    let is_ours = std::ptr::eq(code, &codes::OVERLOADED)
        || std::ptr::eq(code, &codes::PLUGIN_BUSY)
        || std::ptr::eq(code, &codes::PLUGIN_REPLACED)
        || std::ptr::eq(code, &codes::SHUTTING_DOWN);
    match code.kind {
        ErrorKind::Internal | ErrorKind::Upstream | ErrorKind::Timeout => true,
        ErrorKind::Unavailable => !is_ours,
        _ => false,
    }
}

/// Counters at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    pub calls: u64,
    /// Calls whose error says something bad about the version.
    pub failures: u64,
    /// Calls that hold an instance now.
    pub running: u64,
    /// Calls that wait for their turn now.
    pub queued: u64,
    pub cpu_us: u64,
    /// The most that any one call held.
    pub peak_memory_bytes: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub host_calls: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub ratings: u64,
    /// Sum of all ratings, each 1 to 5.
    pub rating_sum: u64,
    /// Count by error code, failures or not.
    pub errors: BTreeMap<&'static str, u64>,
    /// Count of errors that depend on the input, by caller.
    pub overtaxed: [u64; CALLERS],
    pub latencies: Latencies,
}

impl StatsSnapshot {
    /// What happened since an earlier snapshot of the same version. Gauges and the peak stay as they are.
    pub fn since(&self, earlier: &Self) -> Self {
        let errors = self.errors.iter().map(|(code, count)| {
            let before = earlier.errors.get(code).copied().unwrap_or_default();
            (*code, count.saturating_sub(before))
        });
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            failures: self.failures.saturating_sub(earlier.failures),
            running: self.running,
            queued: self.queued,
            cpu_us: self.cpu_us.saturating_sub(earlier.cpu_us),
            peak_memory_bytes: self.peak_memory_bytes,
            sent_bytes: self.sent_bytes.saturating_sub(earlier.sent_bytes),
            received_bytes: self.received_bytes.saturating_sub(earlier.received_bytes),
            host_calls: self.host_calls.saturating_sub(earlier.host_calls),
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            ratings: self.ratings.saturating_sub(earlier.ratings),
            rating_sum: self.rating_sum.saturating_sub(earlier.rating_sum),
            errors: errors.filter(|(_, count)| *count > 0).collect(),
            overtaxed: std::array::from_fn(|place| {
                self.overtaxed[place].saturating_sub(earlier.overtaxed[place])
            }),
            latencies: self.latencies.since(&earlier.latencies),
        }
    }

    /// Failures per call, 0 where there was none.
    pub fn failure_rate(&self) -> f64 {
        if self.calls == 0 {
            return 0.0;
        }
        self.failures as f64 / self.calls as f64
    }
}

/// Eight buckets for each doubling, from a microsecond to over an hour: a quantile is exact to 9 %.
const BUCKETS: usize = 8 * DOUBLINGS;
const DOUBLINGS: usize = 33;

/// Counts of durations in buckets of growing width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latencies {
    counts: [u64; BUCKETS],
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
        }
    }
}

impl Latencies {
    /// The duration below which this part (0 to 1) of all calls ended; `None` where there was none.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        let rank = ((total as f64 * part).ceil() as u64).clamp(1, total);
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| upper_bound(bucket))
        })
    }

    /// How many calls took longer than this.
    pub fn above(&self, limit: Duration) -> u64 {
        let first = bucket_of(limit) + 1;
        self.counts.iter().skip(first).sum()
    }

    /// How many calls there were.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Upper bound and count of every bucket that holds something, in rising order.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let held = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        held.map(|(bucket, count)| (upper_bound(bucket), *count))
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            counts: std::array::from_fn(|bucket| {
                self.counts[bucket].saturating_sub(earlier.counts[bucket])
            }),
        }
    }
}

fn bucket_of(duration: Duration) -> usize {
    let us = u64::try_from(duration.as_micros())
        .unwrap_or(u64::MAX)
        .max(1);
    let doubling = us.ilog2() as usize;
    // The three bits below the highest one.
    let part = if doubling >= 3 {
        (us >> (doubling - 3)) & 7
    } else {
        (us << (3 - doubling)) & 7
    };
    (doubling * 8 + part as usize).min(BUCKETS - 1)
}

fn upper_bound(bucket: usize) -> Duration {
    let (doubling, part) = (bucket / 8, (bucket % 8) as u64);
    let eighths = (9 + part) << doubling;
    Duration::from_nanos(eighths * 125)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(error: Option<&'static Code>, latency_ms: u64) -> CallEnd {
        CallEnd {
            error,
            latency: Duration::from_millis(latency_ms),
            cpu: Duration::from_millis(1),
            memory_bytes: 1 << 16,
            sent_bytes: 0,
            received_bytes: 10,
            host_calls: 2,
        }
    }

    #[test]
    fn only_faults_of_the_version_are_failures() {
        let stats = PluginStats::default();
        for (error, want) in [
            (None, 0),
            (Some(&codes::INVALID_INPUT), 0),
            (Some(&codes::CANCELLED), 0),
            (Some(&codes::PLUGIN_BUSY), 0),
            (Some(&codes::PLUGIN_TRAPPED), 1),
            (Some(&codes::UPSTREAM_ERROR), 2),
            (Some(&codes::PLUGIN_DEADLINE), 3),
        ] {
            stats.ended(&end(error, 1));
            assert_eq!(stats.snapshot().failures, want, "{error:?}");
        }
        let all = stats.snapshot();
        assert_eq!(all.calls, 7);
        assert_eq!(all.errors["plugin_trapped"], 1);
        assert_eq!(all.received_bytes, 70);
    }

    #[test]
    fn a_quantile_is_within_a_bucket_of_the_truth() {
        let stats = PluginStats::default();
        for latency_ms in 1..=1000 {
            stats.ended(&end(None, latency_ms));
        }
        let latencies = stats.snapshot().latencies;
        for (part, want_ms) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0), (1.0, 1000.0)] {
            let got_ms = latencies.quantile(part).expect("calls").as_secs_f64() * 1e3;
            assert!((got_ms / want_ms - 1.0).abs() < 0.13, "{part}: {got_ms}");
        }
        let above = latencies.above(Duration::from_millis(900)) as f64;
        assert!((above - 100.0).abs() < 70.0, "{above}");
        assert_eq!(Latencies::default().quantile(0.5), None);
    }

    #[test]
    fn every_duration_lies_below_its_buckets_bound() {
        for us in (0..60).flat_map(|power| [1_u64 << power, (1 << power) + (1 << power) / 3]) {
            let duration = Duration::from_micros(us);
            let bucket = bucket_of(duration);
            if bucket + 1 < BUCKETS {
                assert!(upper_bound(bucket) > duration, "{us}");
                assert!(
                    bucket == 0
                        || upper_bound(bucket - 1) <= duration.max(Duration::from_micros(1)),
                    "{us}"
                );
            }
        }
    }

    #[test]
    fn the_difference_of_two_looks_is_what_happened_between() {
        let stats = PluginStats::default();
        stats.ended(&end(Some(&codes::PLUGIN_TRAPPED), 5));
        let before = stats.snapshot();
        stats.ended(&end(None, 7));
        let between = stats.snapshot().since(&before);
        assert_eq!((between.calls, between.failures), (1, 0));
        assert!(between.errors.is_empty());
        assert_eq!(between.latencies.total(), 1);
        assert_eq!(between.failure_rate(), 0.0);
    }
}
