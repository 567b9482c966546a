//! A circuit breaker: after some faults in a row a deployment rests; then one call tries it.
//! (M. Nygard, Release It!, 2007.)

use std::time::Duration;

use tokio::time::Instant;

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Breaker {
    /// Calls pass; so many faults in a row lately.
    Closed { faults: u32 },
    /// None pass until then.
    Open { until: Instant, rests: u32 },
    /// One passes, since then, and decides.
    HalfOpen { since: Instant, rests: u32 },
    #[default]
    New,
}

/// A try that never told how it went is forgotten after this.
const LOST_TRY: Duration = Duration::from_secs(120);

/// How often a rest doubles: up to eight times the first.
const DOUBLINGS: u32 = 3;

impl Breaker {
    /// Whether a call would pass, without taking the one try.
    pub fn would_pass(&self, now: Instant) -> bool {
        match self {
            Self::New | Self::Closed { .. } => true,
            Self::Open { until, .. } => *until <= now,
            Self::HalfOpen { since, .. } => now.saturating_duration_since(*since) > LOST_TRY,
        }
    }

    /// Lets a call pass, or not. After a rest exactly one passes.
    pub fn pass(&mut self, now: Instant) -> bool {
        if !self.would_pass(now) {
            return false;
        }
        if let Self::Open { rests, .. } | Self::HalfOpen { rests, .. } = *self {
            *self = Self::HalfOpen { since: now, rests };
        }
        true
    }

    /// How long calls do not pass.
    pub fn rest(&self, now: Instant) -> Option<Duration> {
        match self {
            Self::Open { until, .. } if *until > now => Some(*until - now),
            _ => None,
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self, Self::New | Self::Closed { .. })
    }

    /// Returns whether it was open until now.
    pub fn succeeded(&mut self) -> bool {
        let was_open = !self.is_closed();
        *self = Self::Closed { faults: 0 };
        was_open
    }

    /// Returns whether it opened with this fault. `asked` is what the upstream asked for.
    pub fn failed(
        &mut self,
        now: Instant,
        most_faults: u32,
        cooldown: Duration,
        asked: Option<Duration>,
    ) -> bool {
        let (faults, rests) = match *self {
            Self::New => (1, 0),
            Self::Closed { faults } => (faults + 1, 0),
            Self::HalfOpen { rests, .. } => (most_faults, (rests + 1).min(DOUBLINGS)),
            // A call that was under way when it opened.
            Self::Open { .. } => return false,
        };
        if faults < most_faults && asked.is_none() {
            *self = Self::Closed { faults };
            return false;
        }
        // The upstream knows, where it says how long.
        let rest = asked.unwrap_or(cooldown * (1 << rests));
        *self = Self::Open {
            until: now + rest,
            rests,
        };
        true
    }

    /// The one try was given up, and says nothing.
    pub fn unknown(&mut self, now: Instant) {
        if let Self::HalfOpen { rests, .. } = *self {
            *self = Self::Open { until: now, rests };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(30);

    #[test]
    fn it_opens_after_faults_in_a_row_and_lets_one_try() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        assert!(!breaker.failed(start, 2, REST, None));
        breaker.succeeded();
        assert!(!breaker.failed(start, 2, REST, None));
        assert!(breaker.failed(start, 2, REST, None));
        assert!(!breaker.pass(start));
        assert_eq!(breaker.rest(start), Some(REST));
        let later = start + REST;
        assert!(breaker.pass(later));
        assert!(!breaker.pass(later), "only one tries");
        assert!(breaker.succeeded());
        assert!(breaker.pass(later));
    }

    #[test]
    fn a_failed_try_makes_the_next_rest_longer() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        breaker.failed(start, 1, REST, None);
        let later = start + REST;
        assert!(breaker.pass(later));
        assert!(breaker.failed(later, 1, REST, None));
        assert_eq!(breaker.rest(later), Some(2 * REST));
    }

    #[test]
    fn an_upstream_that_says_when_rests_as_long_at_once() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        let asked = Duration::from_secs(7);
        assert!(breaker.failed(start, 5, REST, Some(asked)));
        assert_eq!(breaker.rest(start), Some(asked));
    }

    #[test]
    fn a_try_that_was_given_up_leaves_room_for_the_next() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        breaker.failed(start, 1, REST, None);
        let later = start + REST;
        assert!(breaker.pass(later));
        breaker.unknown(later);
        assert!(breaker.pass(later));
    }
}
