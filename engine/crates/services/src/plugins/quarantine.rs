//! Rests for a version that keeps failing by its own doing. Pure: what it saw, what time it is, and
//! whether a probe passed come from outside.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::codes;
use inkstone_domain::plugin::StatsSnapshot;

/// When a version is taken out of routing, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuarantineConfig {
    /// So many faults of the plugin itself within the window.
    pub faults: u64,
    /// And so much of the calls that ended in the window, 0 to 1: a few inputs that break a plugin
    /// must not take it from everybody else.
    pub fault_share: f64,
    pub window: Duration,
    /// The first rest. It doubles with every fault soon after.
    pub rest: Duration,
    pub max_rest: Duration,
}

impl Default for QuarantineConfig {
    /// Five faults that are half of all calls within a minute; half a minute of rest, at most ten.
    fn default() -> Self {
        Self {
            faults: 5,
            fault_share: 0.5,
            window: Duration::from_secs(60),
            rest: Duration::from_secs(30),
            max_rest: Duration::from_secs(600),
        }
    }
}

/// A version out of routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    pub since: DateTime<Utc>,
    /// When it is probed. It stays out until a probe has passed.
    pub until: DateTime<Utc>,
    pub reason: String,
}

/// How one loaded version behaves.
#[derive(Debug)]
pub(super) struct Quarantine {
    condition: Condition,
    /// Of the next rest.
    rest: Duration,
    /// Counters at the last look.
    seen: Tally,
    /// What happened at each look within the window, oldest first.
    recent: VecDeque<(DateTime<Utc>, Tally)>,
}

#[derive(Debug)]
enum Condition {
    Free,
    Resting {
        rest: Rest,
        is_probed: bool,
    },
    /// Back on trial: one fault is enough.
    Probation {
        until: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, Default)]
struct Tally {
    calls: u64,
    faults: BTreeMap<&'static str, u64>,
    /// By whom faults were met that depend on the input.
    overtaxed: Vec<u64>,
}

impl Tally {
    fn of(stats: &StatsSnapshot) -> Self {
        let blamed = stats.errors.iter().filter(|(code, _)| blames_plugin(code));
        Self {
            calls: stats.calls,
            faults: blamed.map(|(code, count)| (*code, *count)).collect(),
            overtaxed: stats.overtaxed.to_vec(),
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        let faults = self.faults.iter().map(|(code, count)| {
            let before = earlier.faults.get(code).copied().unwrap_or_default();
            (*code, count.saturating_sub(before))
        });
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            faults: faults.filter(|(_, count)| *count > 0).collect(),
            overtaxed: (0..self.overtaxed.len())
                .map(|place| {
                    let before = earlier.overtaxed.get(place).copied().unwrap_or_default();
                    self.overtaxed[place].saturating_sub(before)
                })
                .collect(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        for (code, count) in &other.faults {
            *self.faults.entry(code).or_default() += count;
        }
        let most = self.overtaxed.len().max(other.overtaxed.len());
        self.overtaxed.resize(most, 0);
        for (sum, count) in self.overtaxed.iter_mut().zip(&other.overtaxed) {
            *sum += count;
        }
    }

    /// Without what a single caller's input may have brought about: nobody shall take a plugin from everybody.
    fn of_its_own(mut self) -> Self {
        let callers = self.overtaxed.iter().filter(|count| **count > 0).count();
        if callers < 2 {
            self.faults.retain(|name, _| !depends_on_input(name));
        }
        self
    }

    fn count(&self) -> u64 {
        self.faults.values().sum()
    }
}

impl Quarantine {
    /// Of a version that serves from now on.
    pub(super) fn new(config: &QuarantineConfig, stats: &StatsSnapshot) -> Self {
        Self {
            condition: Condition::Free,
            rest: config.rest,
            seen: Tally::of(stats),
            recent: VecDeque::new(),
        }
    }

    /// `None` while it serves.
    pub(super) fn resting(&self) -> Option<&Rest> {
        match &self.condition {
            Condition::Resting { rest, .. } => Some(rest),
            _ => None,
        }
    }

    /// Looks at the counters. Returns whether a rest has begun.
    pub(super) fn observe(
        &mut self,
        config: &QuarantineConfig,
        stats: &StatsSnapshot,
        now: DateTime<Utc>,
    ) -> bool {
        let seen = Tally::of(stats);
        let new = seen.since(&self.seen);
        self.seen = seen;
        // Calls that began before it may still fail; they count for nothing.
        if self.resting().is_some() {
            return false;
        }
        if new.calls > 0 || new.count() > 0 {
            self.recent.push_back((now, new));
        }
        let window = chrono_of(config.window);
        while self
            .recent
            .front()
            .is_some_and(|(at, _)| now - *at > window)
        {
            self.recent.pop_front();
        }
        let mut all = Tally::default();
        for (_, tally) in &self.recent {
            all.add(tally);
        }
        let all = all.of_its_own();
        let faults = all.count();
        if let Condition::Probation { until } = self.condition {
            if faults > 0 {
                self.begin_rest(config, now, format!("it failed again: {}", codes_of(&all)));
            } else if now >= until {
                self.condition = Condition::Free;
                self.rest = config.rest;
            }
            return faults > 0;
        }
        let is_much = faults as f64 >= config.fault_share * all.calls as f64;
        if faults == 0 || faults < config.faults || !is_much {
            return false;
        }
        let reason = format!(
            "{faults} of {} calls within {} s failed by its own doing: {}",
            all.calls.max(faults),
            config.window.as_secs(),
            codes_of(&all)
        );
        self.begin_rest(config, now, reason);
        true
    }

    /// Whether the rest is over and nobody probes yet. Whoever hears yes must probe.
    pub(super) fn take_probe(&mut self, now: DateTime<Utc>) -> bool {
        match &mut self.condition {
            Condition::Resting { rest, is_probed } if !*is_probed && now >= rest.until => {
                *is_probed = true;
                true
            }
            _ => false,
        }
    }

    /// What the probe came to: back on trial, or a longer rest for this reason. Returns whether it serves again.
    pub(super) fn probed(
        &mut self,
        config: &QuarantineConfig,
        failure: Option<String>,
        now: DateTime<Utc>,
    ) -> bool {
        let Condition::Resting {
            is_probed: true, ..
        } = self.condition
        else {
            return false;
        };
        match failure {
            None => {
                let until = now + chrono_of(config.window);
                self.condition = Condition::Probation { until };
                true
            }
            Some(reason) => {
                self.begin_rest(config, now, format!("its probe failed: {reason}"));
                false
            }
        }
    }

    fn begin_rest(&mut self, config: &QuarantineConfig, now: DateTime<Utc>, reason: String) {
        let since = match &self.condition {
            Condition::Resting { rest, .. } => rest.since,
            _ => now,
        };
        self.condition = Condition::Resting {
            rest: Rest {
                since,
                until: now + chrono_of(self.rest),
                reason,
            },
            is_probed: false,
        };
        self.rest = (self.rest * 2).min(config.max_rest);
        self.recent.clear();
    }
}

fn blames_plugin(name: &str) -> bool {
    let mut all = codes::ALL.iter();
    all.any(|code| code.name == name && code.blames_plugin())
}

fn depends_on_input(name: &str) -> bool {
    let mut all = codes::ALL.iter();
    all.any(|code| code.name == name && code.depends_on_input())
}

fn codes_of(tally: &Tally) -> String {
    let codes: Vec<String> = tally
        .faults
        .iter()
        .map(|(code, count)| format!("{code} {count}"))
        .collect();
    codes.join(", ")
}

fn chrono_of(duration: Duration) -> chrono::Duration {
    chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use inkstone_domain::codes::Code;
    use inkstone_domain::ids::UserId;
    use inkstone_domain::plugin::{CallEnd, PluginStats};
    use ulid::Ulid;

    use super::*;

    struct Trial {
        stats: PluginStats,
        quarantine: Quarantine,
        config: QuarantineConfig,
        now: DateTime<Utc>,
    }

    impl Trial {
        fn new() -> Self {
            let stats = PluginStats::default();
            let config = QuarantineConfig::default();
            Self {
                quarantine: Quarantine::new(&config, &stats.snapshot()),
                stats,
                config,
                now: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
            }
        }

        /// So many calls that end like this, and a look a second later.
        fn calls(&mut self, count: u64, error: Option<&'static Code>) -> bool {
            for _ in 0..count {
                self.stats.ended(&CallEnd {
                    error,
                    latency: Duration::from_millis(1),
                    cpu: Duration::ZERO,
                    memory_bytes: 0,
                    sent_bytes: 0,
                    received_bytes: 0,
                    host_calls: 0,
                });
            }
            self.look(1)
        }

        /// So many calls of this caller that need too much.
        fn overtaxing(&mut self, count: u64, caller: UserId) -> bool {
            for _ in 0..count {
                self.stats.overtaxed(Some(caller));
            }
            self.calls(count, Some(&codes::PLUGIN_OUT_OF_MEMORY))
        }

        fn look(&mut self, later_s: i64) -> bool {
            self.now += chrono::Duration::seconds(later_s);
            self.quarantine
                .observe(&self.config, &self.stats.snapshot(), self.now)
        }

        fn rest_s(&self) -> i64 {
            let rest = self.quarantine.resting().expect("a rest");
            (rest.until - self.now).num_seconds()
        }

        fn probe(&mut self, failure: Option<&str>) -> bool {
            let wait = self.rest_s();
            assert!(!self.quarantine.take_probe(self.now));
            self.look(wait);
            assert!(self.quarantine.take_probe(self.now));
            assert!(!self.quarantine.take_probe(self.now), "twice");
            let failure = failure.map(str::to_owned);
            self.quarantine.probed(&self.config, failure, self.now)
        }
    }

    #[test]
    fn five_faults_within_a_minute_begin_a_rest() {
        let mut trial = Trial::new();
        assert!(!trial.calls(4, Some(&codes::PLUGIN_TRAPPED)));
        assert!(trial.calls(1, Some(&codes::PLUGIN_DEADLINE)));
        assert_eq!(
            trial.quarantine.resting().unwrap().reason,
            "5 of 5 calls within 60 s failed by its own doing: plugin_deadline 1, plugin_trapped 4"
        );
        assert_eq!(trial.rest_s(), 30);
        // What ends meanwhile changes nothing.
        assert!(!trial.calls(9, Some(&codes::PLUGIN_TRAPPED)));
    }

    #[test]
    fn others_faults_and_old_ones_and_rare_ones_do_not_count() {
        let mut trial = Trial::new();
        assert!(!trial.calls(50, Some(&codes::UPSTREAM_ERROR)));
        assert!(!trial.calls(50, Some(&codes::INVALID_INPUT)));
        trial.look(120);
        for _ in 0..20 {
            assert!(!trial.calls(1, Some(&codes::PLUGIN_TRAPPED)));
            trial.look(30);
        }
        trial.look(120);
        // Ten bad calls among a thousand good ones: somebody sends what breaks it.
        assert!(!trial.calls(1_000, None));
        assert!(!trial.calls(10, Some(&codes::PLUGIN_TRAPPED)));
        assert!(trial.quarantine.resting().is_none());
    }

    #[test]
    fn what_one_caller_asks_too_much_of_it_takes_it_from_nobody() {
        let [one, another] = [1, 2].map(|random| UserId(Ulid::from_parts(0, random)));
        let mut trial = Trial::new();
        assert!(!trial.overtaxing(50, one));
        // Others meet it too, and then it is the plugin.
        assert!(trial.overtaxing(1, another));
        assert!(trial.probe(None));
        // Back on trial, it is the same.
        assert!(!trial.overtaxing(50, one));
        assert!(trial.overtaxing(1, another));
        // What no input can excuse counts as before, whoever met it.
        let mut trial = Trial::new();
        assert!(!trial.overtaxing(50, one));
        trial.look(120);
        assert!(trial.calls(5, Some(&codes::PLUGIN_TRAPPED)));
    }

    #[test]
    fn a_probe_lets_it_back_on_trial_and_a_fault_sends_it_back_for_longer() {
        let mut trial = Trial::new();
        trial.calls(5, Some(&codes::PLUGIN_TRAPPED));
        assert!(trial.probe(None));
        assert!(trial.quarantine.resting().is_none());
        assert!(!trial.calls(100, None));
        assert!(trial.calls(1, Some(&codes::PLUGIN_TRAPPED)));
        assert_eq!(trial.rest_s(), 60);
        assert!(!trial.probe(Some("it traps")));
        assert_eq!(trial.rest_s(), 120);
        assert!(
            trial
                .quarantine
                .resting()
                .unwrap()
                .reason
                .contains("it traps")
        );
        for want in [240, 480, 600, 600] {
            assert!(!trial.probe(Some("it traps")));
            assert_eq!(trial.rest_s(), want);
        }
        // A whole window without a fault, and everything is as it was.
        assert!(trial.probe(None));
        trial.look(60);
        assert!(!trial.calls(4, Some(&codes::PLUGIN_TRAPPED)));
        assert!(trial.calls(1, Some(&codes::PLUGIN_TRAPPED)));
        assert_eq!(trial.rest_s(), 30);
    }
}
