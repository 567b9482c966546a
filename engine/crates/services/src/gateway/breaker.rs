//! A circuit breaker: after some faults in a row a deployment rests; then one call tries it.
//! (M. Nygard, Release It!, 2007.) Each call has a pass, so that one which began before the rest says nothing of it.

use std::time::Duration;

use tokio::time::Instant;

/// Where a deployment stands.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: State,
    /// Calls so far that were the one try.
    tries: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls pass; so many faults in a row lately.
    Closed { faults: u32 },
    /// None pass until then.
    Open { until: Instant, rests: u32 },
    /// One passes, since then, and decides: the newest try.
    HalfOpen { since: Instant, rests: u32 },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { faults: 0 }
    }
}

/// What a call was let through as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// One of many.
    Usual,
    /// The one after a rest, by its number.
    Try(u64),
}

/// A try that never told how it went is forgotten after this.
const LOST_TRY: Duration = Duration::from_secs(120);

/// How often a rest doubles: up to eight times the first.
const DOUBLINGS: u32 = 3;

impl Breaker {
    /// Whether a call would pass, without taking the one try.
    pub fn would_pass(&self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, .. } => until <= now,
            State::HalfOpen { since, .. } => now.saturating_duration_since(since) > LOST_TRY,
        }
    }

    /// Lets a call pass, or not. After a rest exactly one passes.
    pub fn pass(&mut self, now: Instant) -> Option<Pass> {
        if !self.would_pass(now) {
            return None;
        }
        match self.state {
            State::Closed { .. } => Some(Pass::Usual),
            State::Open { rests, .. } | State::HalfOpen { rests, .. } => {
                self.state = State::HalfOpen { since: now, rests };
                self.tries += 1;
                Some(Pass::Try(self.tries))
            }
        }
    }

    /// How long calls do not pass.
    pub fn rest(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Open { until, .. } if until > now => Some(until - now),
            _ => None,
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Returns whether it was open until now.
    pub fn succeeded(&mut self, pass: Pass) -> bool {
        let is_try = self.is_try(pass);
        if self.is_closed() || is_try {
            self.state = State::default();
        }
        is_try
    }

    /// Somebody looked, beside the calls, and it works. Returns whether it was open until now.
    pub fn recovered(&mut self) -> bool {
        let was_open = !self.is_closed();
        self.state = State::default();
        was_open
    }

    /// Returns whether it opened with this fault. `asked` is what the upstream asked for.
    pub fn failed(
        &mut self,
        pass: Pass,
        now: Instant,
        most_faults: u32,
        cooldown: Duration,
        asked: Option<Duration>,
    ) -> bool {
        let (faults, rests) = match self.state {
            State::Closed { faults } => (faults + 1, 0),
            State::HalfOpen { rests, .. } if self.is_try(pass) => {
                (most_faults, (rests + 1).min(DOUBLINGS))
            }
            // A call that was under way when it opened.
            State::HalfOpen { .. } | State::Open { .. } => return false,
        };
        if faults < most_faults && asked.is_none() {
            self.state = State::Closed { faults };
            return false;
        }
        // The upstream knows, where it says how long.
        let rest = asked.unwrap_or(cooldown * (1 << rests));
        self.state = State::Open {
            until: now + rest,
            rests,
        };
        true
    }

    /// A call was given up, or says nothing. Was it the one try, the next call is.
    pub fn unknown(&mut self, pass: Pass, now: Instant) {
        if let State::HalfOpen { rests, .. } = self.state
            && self.is_try(pass)
        {
            self.state = State::Open { until: now, rests };
        }
    }

    /// Whether it is the try that decides now.
    fn is_try(&self, pass: Pass) -> bool {
        matches!(self.state, State::HalfOpen { .. }) && pass == Pass::Try(self.tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(30);

    /// One that has rested, and its one try.
    fn tried(start: Instant) -> (Breaker, Pass) {
        let mut breaker = Breaker::default();
        breaker.failed(Pass::Usual, start, 1, REST, None);
        let pass = breaker.pass(start + REST).unwrap();
        (breaker, pass)
    }

    #[test]
    fn it_opens_after_faults_in_a_row_and_lets_one_try() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        let usual = breaker.pass(start).unwrap();
        assert!(!breaker.failed(usual, start, 2, REST, None));
        breaker.succeeded(usual);
        assert!(!breaker.failed(usual, start, 2, REST, None));
        assert!(breaker.failed(usual, start, 2, REST, None));
        assert_eq!(breaker.pass(start), None);
        assert_eq!(breaker.rest(start), Some(REST));
        let later = start + REST;
        let one = breaker.pass(later).unwrap();
        assert_eq!(breaker.pass(later), None, "only one tries");
        assert!(breaker.succeeded(one));
        assert_eq!(breaker.pass(later), Some(Pass::Usual));
    }

    #[test]
    fn a_failed_try_makes_the_next_rest_longer() {
        let start = Instant::now();
        let (mut breaker, one) = tried(start);
        let later = start + REST;
        assert!(breaker.failed(one, later, 1, REST, None));
        assert_eq!(breaker.rest(later), Some(2 * REST));
    }

    #[test]
    fn an_upstream_that_says_when_rests_as_long_at_once() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        let asked = Duration::from_secs(7);
        assert!(breaker.failed(Pass::Usual, start, 5, REST, Some(asked)));
        assert_eq!(breaker.rest(start), Some(asked));
    }

    #[test]
    fn a_try_that_was_given_up_leaves_room_for_the_next() {
        let start = Instant::now();
        let (mut breaker, one) = tried(start);
        let later = start + REST;
        breaker.unknown(one, later);
        assert!(breaker.pass(later).is_some());
    }

    #[test]
    fn calls_from_before_the_rest_do_not_end_it() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        let older = breaker.pass(start).unwrap();
        let newer = breaker.pass(start).unwrap();
        let asked = Duration::from_secs(60);
        assert!(breaker.failed(newer, start, 5, REST, Some(asked)));
        assert!(!breaker.succeeded(older));
        assert_eq!(breaker.rest(start), Some(asked));
        breaker.unknown(older, start);
        assert_eq!(breaker.rest(start), Some(asked));
    }

    #[test]
    fn the_one_try_is_ended_by_nobody_else() {
        let start = Instant::now();
        let later = start + REST;
        let (mut breaker, one) = tried(start);
        breaker.unknown(Pass::Usual, later);
        assert_eq!(breaker.pass(later), None);
        assert!(!breaker.failed(Pass::Usual, later, 1, REST, None));
        assert!(!breaker.succeeded(Pass::Usual));
        assert_eq!(breaker.pass(later), None, "the try still decides");
        // One that was lost says nothing of the next one.
        let much_later = later + 2 * LOST_TRY;
        let next = breaker.pass(much_later).unwrap();
        assert!(!breaker.failed(one, much_later, 1, REST, None));
        assert!(!breaker.succeeded(one));
        assert!(breaker.succeeded(next));
    }

    #[test]
    fn a_look_that_works_ends_any_rest() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        breaker.failed(Pass::Usual, now, 1, REST, None);
        assert!(breaker.recovered());
        assert!(!breaker.recovered());
        assert_eq!(breaker.pass(now), Some(Pass::Usual));
    }
}
