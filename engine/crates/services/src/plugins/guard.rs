//! Whether a canary is worse than the stable version. Both questions, errors and p95, come down to a
//! share of calls, so both are answered by one method that holds for any number of calls:
//!
//! - The tail of a binomial distribution is bounded by Chernoff's inequality in its form by Hoeffding
//!   (1963, theorem 1): with a true share of at most `p`, `k` or more of `n` calls have a probability
//!   of at most `exp(-n · KL(k/n ‖ p))`. Nothing is approximated, so few calls are no special case;
//!   it only ever errs on the side of the canary.
//! - What the stable version is compared at is not its measured figure but the upper end of that
//!   figure's confidence interval (Berger and Boos 1994): half of the level goes to the interval,
//!   half to the comparison.

use inkstone_domain::plugin::{RolloutGuard, StatsSnapshot};

/// The part of the calls that may take longer than the p95.
const BEYOND_P95: f64 = 0.05;

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) is_worse: bool,
    /// The figures, for people.
    pub(super) text: String,
}

/// Compares what two versions did in the same time. Of canaries that are no worse than the guard
/// allows, at most the part `level` is called worse.
pub(super) fn compare(
    guard: &RolloutGuard,
    canary: &StatsSnapshot,
    stable: &StatsSnapshot,
    level: f64,
) -> Finding {
    // Two questions, so each gets half.
    let level = level / 2.0;
    let errors = has_more_errors(guard, canary, stable, level);
    let slow = is_slower(guard, canary, stable, level);
    let verdict = match (errors, slow) {
        (true, _) => format!(
            "the canary fails more often than the stable version, by more than {}",
            percent(guard.error_margin)
        ),
        (false, true) => format!(
            "the canary's p95 is beyond {} times that of the stable version",
            guard.latency_ratio
        ),
        (false, false) => "the canary is not shown to be worse".to_owned(),
    };
    Finding {
        is_worse: errors || slow,
        text: format!(
            "{verdict}: canary {}; stable {}",
            figures(canary),
            figures(stable)
        ),
    }
}

fn has_more_errors(
    guard: &RolloutGuard,
    canary: &StatsSnapshot,
    stable: &StatsSnapshot,
    level: f64,
) -> bool {
    let highest = highest_share(stable.failures, stable.calls, level / 2.0);
    let allowed = highest + guard.error_margin.max(0.0);
    tail(canary.failures, canary.calls, allowed) <= level / 2.0
}

fn is_slower(
    guard: &RolloutGuard,
    canary: &StatsSnapshot,
    stable: &StatsSnapshot,
    level: f64,
) -> bool {
    let total = stable.latencies.total();
    let Some(part) = p95_is_below(total, level / 2.0) else {
        return false;
    };
    let Some(highest) = stable.latencies.quantile(part) else {
        return false;
    };
    let limit = highest.mul_f64(guard.latency_ratio.clamp(1.0, MOST_RATIO));
    let beyond = canary.latencies.above(limit);
    tail(beyond, canary.latencies.total(), BEYOND_P95) <= level / 2.0
}

/// Keeps a duration times the ratio within what a duration can hold.
const MOST_RATIO: f64 = 1e6;

/// At least how probable `hits` or more of `n` are where each has the probability `share`.
fn tail(hits: u64, n: u64, share: f64) -> f64 {
    if n == 0 || share >= 1.0 {
        return 1.0;
    }
    let measured = hits as f64 / n as f64;
    if measured <= share {
        return 1.0;
    }
    (-(n as f64) * divergence(measured, share)).exp()
}

/// The upper end of the one-sided confidence interval of a share; missed with a probability of at
/// most `miss`.
fn highest_share(hits: u64, n: u64, miss: f64) -> f64 {
    if n == 0 {
        return 1.0;
    }
    let measured = hits as f64 / n as f64;
    let wanted = -miss.ln() / n as f64;
    // The divergence rises with the share from 0 to infinity.
    let (mut low, mut high) = (measured, 1.0);
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if divergence(measured, middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The part of `n` measured durations that is, but with a probability of `miss`, no smaller than the
/// true p95: the bound of a quantile by order statistics. `None` where there are too few.
fn p95_is_below(n: u64, miss: f64) -> Option<f64> {
    let wanted = -miss.ln() / n.max(1) as f64;
    let p95 = 1.0 - BEYOND_P95;
    if n == 0 || divergence(1.0, p95) < wanted {
        return None;
    }
    let (mut low, mut high) = (p95, 1.0);
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if divergence(middle, p95) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// Finer than a double tells apart.
const BISECTIONS: usize = 60;

/// Kullback and Leibler's divergence of two shares, in nats.
fn divergence(from: f64, to: f64) -> f64 {
    let term = |a: f64, b: f64| match (a > 0.0, b > 0.0) {
        (false, _) => 0.0,
        (true, false) => f64::INFINITY,
        (true, true) => a * (a / b).ln(),
    };
    term(from, to) + term(1.0 - from, 1.0 - to)
}

fn figures(stats: &StatsSnapshot) -> String {
    let p95 = stats.latencies.quantile(0.95).map_or_else(
        || "no p95".to_owned(),
        |p95| format!("p95 {:.1} ms", p95.as_secs_f64() * 1e3),
    );
    format!(
        "{} of {} calls failed ({}), {p95}",
        stats.failures,
        stats.calls,
        percent(stats.failure_rate())
    )
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use inkstone_domain::codes;
    use inkstone_domain::plugin::{CallEnd, PluginStats};

    use super::*;

    const LEVEL: f64 = 0.01;

    fn stats(calls: u64, failures: u64, latency_ms: impl Fn(u64) -> u64) -> StatsSnapshot {
        let stats = PluginStats::default();
        for call in 0..calls {
            stats.ended(&CallEnd {
                error: (call < failures).then_some(&codes::UPSTREAM_ERROR),
                latency: Duration::from_millis(latency_ms(call)),
                cpu: Duration::ZERO,
                memory_bytes: 0,
                sent_bytes: 0,
                received_bytes: 0,
                host_calls: 0,
            });
        }
        stats.snapshot()
    }

    #[test]
    fn errors_are_told_from_chance() {
        for (canary, stable, want) in [
            // Calls and failures of the canary, then of the stable version.
            ((0, 0), (1_000, 0), false),
            ((50, 0), (950, 0), false),
            // One unlucky call is no proof, however good the other is.
            ((50, 1), (950, 0), false),
            ((50, 12), (950, 0), true),
            ((50, 50), (950, 0), true),
            // Both are as bad: the upstream is down.
            ((200, 100), (3_800, 1_900), false),
            // Within the margin of two percent for any number of calls, and beyond it.
            ((100_000, 1_900), (1_900_000, 0), false),
            ((100_000, 2_900), (1_900_000, 0), true),
            // Nothing is known of the stable version.
            ((1_000, 500), (0, 0), false),
            ((1_000, 900), (3, 0), false),
        ] {
            let canary = stats(canary.0, canary.1, |_| 10);
            let stable = stats(stable.0, stable.1, |_| 10);
            let finding = compare(&RolloutGuard::default(), &canary, &stable, LEVEL);
            assert_eq!(finding.is_worse, want, "{}", finding.text);
            if want {
                assert!(finding.text.contains("fails more often"));
            }
        }
    }

    #[test]
    fn slowness_is_told_from_chance() {
        let spread = |call: u64| 10 + call % 20;
        for (calls, slow_every, stable_calls, want) in [
            // Every so many calls of the canary take a second; the stable version's p95 is 28 ms.
            (200, 1, 4_000, true),
            (200, 4, 4_000, true),
            (200, 40, 4_000, false),
            // Five percent may be slow.
            (100_000, 21, 4_000, false),
            // Too few of the stable version's for a p95.
            (200, 1, 100, false),
            (10, 5, 4_000, false),
        ] {
            let canary = stats(calls, 0, |call| match call % slow_every {
                0 => 1_000,
                _ => spread(call),
            });
            let stable = stats(stable_calls, 0, spread);
            let finding = compare(&RolloutGuard::default(), &canary, &stable, LEVEL);
            assert_eq!(finding.is_worse, want, "{calls} {slow_every}");
        }
        // Slower, but within the ratio.
        let canary = stats(2_000, 0, |call| 12 + call % 20);
        let stable = stats(4_000, 0, spread);
        let finding = compare(&RolloutGuard::default(), &canary, &stable, LEVEL);
        assert!(!finding.is_worse, "{}", finding.text);
    }

    #[test]
    fn the_bounds_hold_what_they_promise() {
        // Exact values: P(Bin(50, 0.1) >= 12) = 0.0032, P(Bin(20, 0.5) >= 20) = 9.5e-7.
        assert!(tail(12, 50, 0.1) >= 0.0032 && tail(12, 50, 0.1) < 0.03);
        assert!((tail(20, 20, 0.5) - 0.5_f64.powi(20)).abs() < 1e-12);
        assert_eq!(tail(1, 50, 0.1), 1.0);
        // The exact upper ends at 1 % are 0.0880 for none of 50, and 0.0130 for none of 350.
        assert!((highest_share(0, 50, 0.01) - 0.0880).abs() < 1e-3);
        assert!((highest_share(0, 350, 0.01) - 0.0131).abs() < 1e-3);
        assert_eq!(highest_share(50, 50, 0.01), 1.0);
        assert_eq!(p95_is_below(50, 0.01), None);
        let part = p95_is_below(1_000, 0.01).expect("enough");
        assert!(part > 0.96 && part < 0.98, "{part}");
    }
}
