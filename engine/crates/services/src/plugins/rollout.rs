//! When a canary goes a step up, is promoted, or is rolled back. Pure: the counters of both versions
//! and the time come from outside, and what is decided is carried out elsewhere.

use chrono::{DateTime, Duration, Utc};
use inkstone_domain::plugin::{Rollout, StatsSnapshot};
use inkstone_domain::rollout::{RolloutState, RolloutStatus};

use super::guard::{Finding, compare};

/// Of all canaries that are no worse than their guard allows, at most this part is rolled back at any
/// one step, however often it is looked at.
const LEVEL: f64 = 0.01;

/// What follows from a look.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    Stay,
    /// Nothing changes but the count.
    GoodMinutes(u32),
    /// To the step with this number.
    Advance(u32),
    Promote,
    RollBack(String),
}

/// What was seen of a step so far. Begins anew with every step, and where either version is replaced.
///
/// A look at the figures is taken whenever the canary has had `min_calls` more calls. Each look
/// compares the whole step, which finds small differences, and the calls since the last look, which
/// find a sudden one. Looks come again and again, so look number `k` gets the part `1/(k(k+1))` of
/// the level: these parts add up to one.
#[derive(Debug)]
pub(super) struct Progress {
    at_start: Pair,
    at_look: Pair,
    looks: u32,
    minute: Minute,
    finding: Option<Finding>,
}

/// Counters of both versions at one instant.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair {
    pub(super) canary: StatsSnapshot,
    pub(super) stable: StatsSnapshot,
}

impl Pair {
    fn since(&self, earlier: &Self) -> Self {
        Self {
            canary: self.canary.since(&earlier.canary),
            stable: self.stable.since(&earlier.stable),
        }
    }
}

#[derive(Debug)]
struct Minute {
    began: DateTime<Utc>,
    /// Calls of the canary by then.
    calls: u64,
}

impl Progress {
    /// A step that begins now.
    pub(super) fn begin(now: DateTime<Utc>, counters: Pair) -> Self {
        Self {
            looks: 0,
            minute: Minute {
                began: now,
                calls: counters.canary.calls,
            },
            at_look: counters.clone(),
            at_start: counters,
            finding: None,
        }
    }

    /// What the last look found.
    pub(super) fn finding(&self) -> Option<&str> {
        self.finding.as_ref().map(|finding| finding.text.as_str())
    }

    /// Looks at the counters, to be called every second or so.
    pub(super) fn decide(
        &mut self,
        plan: &Rollout,
        state: &RolloutState,
        counters: Pair,
        now: DateTime<Utc>,
    ) -> Decision {
        if state.status != RolloutStatus::Running {
            return Decision::Stay;
        }
        let step = counters.since(&self.at_start);
        if let Some(reason) = self.look(plan, &step, &counters) {
            return Decision::RollBack(reason);
        }
        let good_minutes = self.count_minute(state.good_minutes, counters.canary.calls, now);
        let next = plan.steps.get(state.step as usize);
        if let Some(next) = next
            && good_minutes >= next.good_minutes
            && step.canary.calls >= plan.guard.min_calls
        {
            return match next.share >= 1.0 {
                true => Decision::Promote,
                false => Decision::Advance(state.step + 1),
            };
        }
        match good_minutes == state.good_minutes {
            true => Decision::Stay,
            false => Decision::GoodMinutes(good_minutes),
        }
    }

    /// Why the canary must go, if it must.
    fn look(&mut self, plan: &Rollout, step: &Pair, counters: &Pair) -> Option<String> {
        let fresh = counters.since(&self.at_look);
        if fresh.canary.calls < plan.guard.min_calls.max(1) {
            return None;
        }
        self.looks = self.looks.saturating_add(1);
        self.at_look = counters.clone();
        let looks = f64::from(self.looks);
        let level = LEVEL / (looks * (looks + 1.0));
        let whole = compare(&plan.guard, &step.canary, &step.stable, level / 2.0);
        let lately = compare(&plan.guard, &fresh.canary, &fresh.stable, level / 2.0);
        let finding = match lately.is_worse && !whole.is_worse {
            true => Finding {
                text: format!("lately, {}", lately.text),
                ..lately
            },
            false => whole,
        };
        let reason = finding.is_worse.then(|| finding.text.clone());
        self.finding = Some(finding);
        reason
    }

    /// A minute is good where nothing was found and the canary had a call. One at most is counted
    /// at a time: what was not looked at was not seen to be good.
    fn count_minute(&mut self, good: u32, calls: u64, now: DateTime<Utc>) -> u32 {
        if now - self.minute.began < Duration::minutes(1) {
            return good;
        }
        let had_calls = calls > self.minute.calls;
        self.minute = Minute { began: now, calls };
        good.saturating_add(u32::from(had_calls))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration as StdDuration;

    use inkstone_domain::codes;
    use inkstone_domain::plugin::{CallEnd, PluginStats, RolloutGuard, RolloutStep, Sticky};

    use super::*;

    fn plan() -> Rollout {
        let step = |share, good_minutes| RolloutStep {
            share,
            good_minutes,
        };
        Rollout {
            canary: "1.2.0".to_owned(),
            path: "x.wasm".into(),
            share: 0.05,
            sticky: Sticky::User,
            steps: vec![step(0.25, 2), step(1.0, 3)],
            guard: RolloutGuard::default(),
        }
    }

    struct Trial {
        plan: Rollout,
        state: RolloutState,
        progress: Progress,
        canary: PluginStats,
        stable: PluginStats,
        now: DateTime<Utc>,
    }

    impl Trial {
        fn new() -> Self {
            let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
            Self {
                plan: plan(),
                state: RolloutState::begun("p", "1.2.0", "d", now),
                progress: Progress::begin(now, Pair::default()),
                canary: PluginStats::default(),
                stable: PluginStats::default(),
                now,
            }
        }

        fn counters(&self) -> Pair {
            Pair {
                canary: self.canary.snapshot(),
                stable: self.stable.snapshot(),
            }
        }

        /// Half a minute with so many calls of each, of which so many fail.
        fn half_minute(&mut self, canary: (u64, u64), stable: (u64, u64)) -> Decision {
            end_calls(&self.canary, canary, 10);
            end_calls(&self.stable, stable, 10);
            self.now += Duration::seconds(30);
            let counters = self.counters();
            let decision = self
                .progress
                .decide(&self.plan, &self.state, counters, self.now);
            if let Decision::GoodMinutes(count) = decision {
                self.state.good_minutes = count;
            }
            decision
        }

        fn go_to(&mut self, step: u32) {
            self.state.step = step;
            self.state.good_minutes = 0;
            self.progress = Progress::begin(self.now, self.counters());
        }
    }

    fn end_calls(stats: &PluginStats, (calls, failures): (u64, u64), latency_ms: u64) {
        for call in 0..calls {
            stats.ended(&CallEnd {
                error: (call < failures).then_some(&codes::PLUGIN_FAILED),
                latency: StdDuration::from_millis(latency_ms),
                cpu: StdDuration::ZERO,
                memory_bytes: 0,
                sent_bytes: 0,
                received_bytes: 0,
                host_calls: 0,
            });
        }
    }

    #[test]
    fn good_minutes_lead_up_the_steps() {
        let mut trial = Trial::new();
        let good = ((40, 0), (760, 1));
        assert_eq!(trial.half_minute(good.0, good.1), Decision::Stay);
        assert_eq!(trial.half_minute(good.0, good.1), Decision::GoodMinutes(1));
        assert_eq!(trial.half_minute(good.0, good.1), Decision::Stay);
        assert_eq!(trial.half_minute(good.0, good.1), Decision::Advance(1));
        trial.go_to(1);
        for want in [1, 2] {
            assert_eq!(trial.half_minute(good.0, good.1), Decision::Stay);
            assert_eq!(
                trial.half_minute(good.0, good.1),
                Decision::GoodMinutes(want)
            );
        }
        assert_eq!(trial.half_minute(good.0, good.1), Decision::Stay);
        assert_eq!(trial.half_minute(good.0, good.1), Decision::Promote);
        // A plan without further steps stays as it is.
        trial.plan.steps.clear();
        trial.go_to(2);
        for _ in 0..20 {
            let decision = trial.half_minute(good.0, good.1);
            assert!(matches!(
                decision,
                Decision::Stay | Decision::GoodMinutes(_)
            ));
        }
    }

    #[test]
    fn minutes_without_a_call_and_too_few_calls_lead_nowhere() {
        let mut trial = Trial::new();
        for _ in 0..10 {
            assert_eq!(trial.half_minute((0, 0), (500, 0)), Decision::Stay);
        }
        // Good minutes, but fewer calls than anything is decided on.
        for half_minute in 1..=40 {
            let decision = trial.half_minute((1, 0), (19, 0));
            assert!(
                matches!(decision, Decision::Stay | Decision::GoodMinutes(_)),
                "{half_minute}: {decision:?}"
            );
        }
        assert_eq!(trial.half_minute((10, 0), (190, 0)), Decision::Advance(1));
    }

    #[test]
    fn a_worse_canary_is_rolled_back_once_there_are_enough_calls() {
        let mut trial = Trial::new();
        assert_eq!(trial.half_minute((30, 12), (570, 2)), Decision::Stay);
        let Decision::RollBack(reason) = trial.half_minute((30, 12), (570, 2)) else {
            panic!("it stays");
        };
        assert!(
            reason.contains("24 of 60 calls failed (40.0 %)"),
            "{reason}"
        );
        assert!(reason.contains("4 of 1140"), "{reason}");
        assert_eq!(trial.progress.finding(), Some(reason.as_str()));

        // One that was decided on is left alone.
        trial.state.status = RolloutStatus::RolledBack;
        assert_eq!(trial.half_minute((60, 60), (60, 0)), Decision::Stay);
    }

    #[test]
    fn an_upstream_that_fails_for_both_is_not_the_canarys_fault() {
        let mut trial = Trial::new();
        for _ in 0..20 {
            let decision = trial.half_minute((60, 30), (1_140, 570));
            assert!(!matches!(decision, Decision::RollBack(_)), "{decision:?}");
            trial.state.good_minutes = 0;
        }
    }

    #[test]
    fn a_canary_that_breaks_after_long_good_times_is_found_at_once() {
        let mut trial = Trial::new();
        trial.plan.steps.clear();
        for _ in 0..100 {
            let decision = trial.half_minute((200, 0), (3_800, 0));
            assert!(!matches!(decision, Decision::RollBack(_)));
        }
        let Decision::RollBack(reason) = trial.half_minute((50, 40), (950, 0)) else {
            panic!("it stays");
        };
        assert!(reason.starts_with("lately, "), "{reason}");
    }

    #[test]
    fn a_slower_canary_is_rolled_back() {
        let mut trial = Trial::new();
        end_calls(&trial.canary, (100, 0), 40);
        let Decision::RollBack(reason) = trial.half_minute((0, 0), (1_900, 0)) else {
            panic!("it stays");
        };
        assert!(reason.contains("p95 is beyond 1.5 times"), "{reason}");
    }

    /// Two versions alike, looked at every half minute for a week: chance must not roll back more
    /// often than the level says. The failures come from a fixed sequence, so the test is the same every time.
    #[test]
    fn looking_often_does_not_find_what_is_not_there() {
        let mut number: u64 = 1;
        let mut chance = move |share: f64| {
            // Knuth's MMIX generator: good enough for counts.
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (number >> 11) as f64 / (1_u64 << 53) as f64 <= share
        };
        let mut rolled_back = 0;
        for _ in 0..100 {
            let mut trial = Trial::new();
            trial.plan.steps.clear();
            trial.plan.guard.error_margin = 0.0;
            for _ in 0..200 {
                let mut draw = |calls: u64| (0..calls).filter(|_| chance(0.1)).count() as u64;
                let (canary, stable) = (draw(50), draw(50));
                if let Decision::RollBack(_) = trial.half_minute((50, canary), (50, stable)) {
                    rolled_back += 1;
                    break;
                }
            }
        }
        assert!(rolled_back <= 1, "{rolled_back} of 100");
    }
}
