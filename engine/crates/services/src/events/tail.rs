//! The newest events, kept in memory for all who follow: one read of the store for any number of feeds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkstone_domain::event::Told;
use tokio::sync::watch;

/// Some hundred bytes each.
const KEPT: usize = 2_000;

/// The end of the log.
#[derive(Default)]
pub(super) struct Tail {
    newest: Mutex<Newest>,
    /// The highest number that was seen; 0 before anything was.
    head: watch::Sender<u64>,
}

#[derive(Default)]
struct Newest {
    /// Of the last event that is not kept any more; `None` before the first look.
    before: Option<u64>,
    events: VecDeque<Arc<Told>>,
}

impl Tail {
    /// The first look: what was before is in the store.
    pub fn begin(&self, highest: u64) {
        self.lock().before.get_or_insert(highest);
        self.head.send_replace(highest);
    }

    /// `None` before the first look.
    pub fn highest(&self) -> Option<u64> {
        let newest = self.lock();
        let before = newest.before?;
        Some(newest.events.back().map_or(before, |last| last.number))
    }

    /// Adds what comes next; what is known already is passed over.
    pub fn push(&self, told: Vec<Told>) {
        let mut newest = self.lock();
        let Some(before) = newest.before else {
            return;
        };
        let mut highest = newest.events.back().map_or(before, |last| last.number);
        for one in told {
            if one.number > highest {
                highest = one.number;
                newest.events.push_back(Arc::new(one));
            }
        }
        while newest.events.len() > KEPT {
            if let Some(oldest) = newest.events.pop_front() {
                newest.before = Some(oldest.number);
            }
        }
        drop(newest);
        self.head.send_replace(highest);
    }

    /// What follows a number, at most `limit`; `None` where that is so long ago that only the store has it.
    pub fn after(&self, number: u64, limit: usize) -> Option<Vec<Arc<Told>>> {
        let newest = self.lock();
        if newest.before.is_none_or(|before| number < before) {
            return None;
        }
        let start = newest.events.partition_point(|told| told.number <= number);
        Some(
            newest
                .events
                .iter()
                .skip(start)
                .take(limit)
                .cloned()
                .collect(),
        )
    }

    /// Changes with every event.
    pub fn heads(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::event::{Event, EventBody, Scope};
    use inkstone_domain::ids::{JobId, UserId};

    use super::*;

    fn told(number: u64) -> Told {
        let body = EventBody::JobCancelled { job: JobId::new() };
        Told {
            number,
            event: Event::new(chrono::Utc::now(), UserId::new(), body),
            scope: Scope::default(),
        }
    }

    fn numbers(found: Option<Vec<Arc<Told>>>) -> Option<Vec<u64>> {
        found.map(|found| found.iter().map(|told| told.number).collect())
    }

    #[test]
    fn what_it_does_not_keep_is_left_to_the_store() {
        let tail = Tail::default();
        tail.push(vec![told(1)]);
        assert_eq!((tail.highest(), numbers(tail.after(0, 9))), (None, None));
        tail.begin(5);
        tail.push((4..=7).map(told).collect());
        assert_eq!(tail.highest(), Some(7));
        assert_eq!(numbers(tail.after(4, 9)), None);
        assert_eq!(numbers(tail.after(5, 9)), Some(vec![6, 7]));
        assert_eq!(numbers(tail.after(5, 1)), Some(vec![6]));
        assert_eq!(numbers(tail.after(7, 9)), Some(vec![]));
        let last = 7 + KEPT as u64 + 1;
        tail.push((8..=last).map(told).collect());
        assert_eq!(numbers(tail.after(7, 9)), None);
        assert_eq!(numbers(tail.after(last - 1, 9)), Some(vec![last]));
    }
}
