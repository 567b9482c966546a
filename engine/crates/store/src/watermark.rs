//! Times before which nothing is pending. The database keeps what was deleted from an index among the rest until it
//! is compacted, so whoever looks for the first that is pending from the index's front passes all that ever was. So a
//! look begins where the last one ended, but for as long as a transaction may take to be seen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::times;

/// From the time that a row says it was written to the end of its transaction, on any engine's clock: twice the
/// deadline of a statement.
const LATE: TimeDelta = TimeDelta::seconds(60);
/// So often a look begins at the front all the same: an engine's clock may have been wrong.
const WHOLE_EVERY: Duration = Duration::from_secs(600);

pub(crate) struct Watermark {
    late: TimeDelta,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nothing_before: Option<DateTime<Utc>>,
    looked_whole_at: Option<Instant>,
}

impl Default for Watermark {
    /// Of what several transactions write at the same time.
    fn default() -> Self {
        Self::with_late(LATE)
    }
}

impl Watermark {
    /// Of what is seen as late as this.
    fn with_late(late: TimeDelta) -> Self {
        Self {
            late,
            state: Mutex::default(),
        }
    }

    /// Of what is written and looked for by one transaction after another: it is seen at once.
    pub(crate) fn in_turn() -> Self {
        Self::with_late(TimeDelta::zero())
    }

    /// Where a look begins.
    pub(crate) fn from(&self) -> DateTime<Utc> {
        let mut state = self.state();
        let is_fresh = state
            .looked_whole_at
            .is_some_and(|at| at.elapsed() < WHOLE_EVERY);
        if !is_fresh {
            state.looked_whole_at = Some(Instant::now());
            state.nothing_before = None;
        }
        times::since(state.nothing_before.unwrap_or_default())
    }

    /// A look that began at `now` found nothing before `first`.
    pub(crate) fn saw(&self, first: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let settled = now - self.late;
        let first = first.map_or(settled, |first| first.min(settled));
        self.state().nothing_before = Some(first);
    }

    /// Something is pending from that time on.
    pub(crate) fn put(&self, at: DateTime<Utc>) {
        let mut state = self.state();
        state.nothing_before = state.nothing_before.map(|before| before.min(at));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_begin_where_something_may_be_pending() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::nanoseconds(1);
        let ago = |seconds| now - TimeDelta::seconds(seconds);
        let mark = Watermark::default();
        assert_eq!(mark.from(), times::since(DateTime::UNIX_EPOCH));
        mark.put(ago(5));
        assert_eq!(
            mark.from(),
            times::since(DateTime::UNIX_EPOCH),
            "nobody has looked yet"
        );
        mark.saw(None, now);
        assert_eq!(mark.from(), now - LATE);
        mark.saw(Some(ago(1)), now);
        assert_eq!(mark.from(), now - LATE, "others may be seen later");
        mark.saw(Some(ago(500)), now);
        assert_eq!(mark.from(), ago(500));
        mark.saw(None, now);
        mark.put(ago(1));
        assert_eq!(mark.from(), now - LATE);
        mark.put(ago(900));
        assert_eq!(mark.from(), ago(900));
    }

    #[test]
    fn what_is_written_in_turn_is_never_late() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::nanoseconds(1);
        let mark = Watermark::in_turn();
        assert_eq!(mark.from(), times::since(DateTime::UNIX_EPOCH));
        mark.saw(None, now);
        assert_eq!(mark.from(), now);
        mark.put(now - TimeDelta::seconds(1));
        assert_eq!(mark.from(), now - TimeDelta::seconds(1));
    }
}
