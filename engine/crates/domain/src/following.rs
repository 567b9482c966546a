//! Which spans of time a follower of changes reads. A change's time stamp is given before its transaction becomes visible, so
//! a cursor alone would miss changes: they are read again over an overlap that is longer than the longest transaction.
//! While writers never pause that would be many each time; then each time is read when it is new and twice more, later.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};

/// What is read with each look: most transactions take a few milliseconds.
const RECENT: TimeDelta = TimeDelta::milliseconds(200);
/// Times are read again once this part of the overlap has passed, and once all of it has.
const SOONER: i32 = 10;
/// Such a part of the overlap is read again together.
const PARTS: i32 = 10;

/// Both bounds belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

impl Span {
    pub fn since(since: DateTime<Utc>) -> Self {
        Self { since, until: None }
    }

    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.since <= at && self.until.is_none_or(|until| at <= until)
    }
}

/// How far a follower is. Looks are taken with a copy, which counts once what was found has been applied.
#[derive(Debug, Clone, Copy)]
pub struct Following {
    overlap: TimeDelta,
    newest: DateTime<Utc>,
    again: [Again; 2],
}

/// A time is read again so long after it was new.
#[derive(Debug, Clone, Copy)]
struct Again {
    after: TimeDelta,
    until: DateTime<Utc>,
}

impl Following {
    /// From the newest change that was seen, by the database's clock; the first look is to be a whole one.
    pub fn new(newest: DateTime<Utc>, overlap: TimeDelta) -> Self {
        let again = [overlap / SOONER, overlap].map(|after| Again {
            after,
            until: newest - after,
        });
        Self {
            overlap,
            newest,
            again,
        }
    }

    /// The newest change that was seen.
    pub fn newest(&self) -> DateTime<Utc> {
        self.newest
    }

    /// All that may have become visible since what was [`Self::looked_whole`] at.
    pub fn whole(&self) -> Span {
        let untils = self.again.iter().map(|again| again.until);
        Span::since(untils.fold(self.newest, DateTime::min))
    }

    /// All of it was read, and the newest of it was seen.
    pub fn looked_whole(&mut self) {
        *self = Self::new(self.newest, self.overlap);
    }

    /// What is new.
    pub fn recent(&self) -> Span {
        Span::since(self.newest - RECENT.min(self.overlap))
    }

    /// What is to be read again by now: about as much as was written meanwhile, for what became visible late. It is so
    /// until it was [`Self::looked`] at.
    pub fn late(&self) -> Vec<Span> {
        let spans = self.again.iter().map(|again| Span {
            since: again.until,
            until: Some(self.newest - again.after),
        });
        let is_due = |span: &Span| {
            let until = span.until.unwrap_or(self.newest);
            until - span.since >= self.overlap / PARTS
        };
        spans.filter(is_due).collect()
    }

    /// All of `late` was read, as it was asked for some time ago.
    pub fn looked(&mut self, late: &[Span]) {
        for again in &mut self.again {
            // Where none begins there, all was read meanwhile.
            let read = late.iter().find(|span| span.since == again.until);
            if let Some(until) = read.and_then(|span| span.until) {
                again.until = until;
            }
        }
    }

    /// So new was what the look found.
    pub fn saw(&mut self, newest: DateTime<Utc>) {
        self.newest = self.newest.max(newest);
    }
}

/// What a follower has applied, so that what is read again is not applied again.
#[derive(Debug)]
pub struct Applied<Id> {
    pub following: Following,
    revisions: HashMap<Id, (u64, DateTime<Utc>)>,
}

impl<Id: Eq + Hash> Applied<Id> {
    pub fn new(following: Following) -> Self {
        Self {
            following,
            revisions: HashMap::new(),
        }
    }

    /// What was deleted may come back as a revision that it had before.
    pub fn is_news(&self, id: &Id, revision: u64, at: DateTime<Utc>) -> bool {
        let known = self.revisions.get(id);
        known.is_none_or(|(known, since)| *known < revision || *since < at)
    }

    /// What a look found has been applied. What is too old to be read again is not remembered.
    pub fn note(
        &mut self,
        following: Following,
        changes: impl Iterator<Item = (Id, u64, DateTime<Utc>)>,
    ) {
        let changes = changes.map(|(id, revision, at)| (id, (revision, at)));
        self.revisions.extend(changes);
        self.following = following;
        let horizon = following.whole().since;
        self.revisions.retain(|_, (_, at)| *at >= horizon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLAP: TimeDelta = TimeDelta::seconds(30);

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds)
    }

    fn covers(spans: &[Span], time: DateTime<Utc>) -> bool {
        spans.iter().any(|span| span.holds(time))
    }

    #[test]
    fn whatever_becomes_visible_within_the_overlap_is_read() {
        // Stamped at, visible at, read.
        let stamps = (0..90_000).step_by(37);
        let mut changes: Vec<(i64, i64, bool)> = stamps
            .map(|stamp| (stamp, stamp + (stamp * 7919) % 29_900, false))
            .collect();
        let mut following = Following::new(at(0), OVERLAP);
        for now in (0..150_000).step_by(170) {
            // The look failed.
            if now % 1_000 == 0 {
                continue;
            }
            let late = following.late();
            let mut spans = [late.as_slice(), &[following.recent()]].concat();
            let is_whole = now % 31 == 0;
            if is_whole {
                spans.push(following.whole());
            }
            let visible = changes.iter_mut().filter(|(_, visible, _)| *visible <= now);
            for (stamp, _, is_read) in visible {
                *is_read |= covers(&spans, at(*stamp));
            }
            following.looked(&late);
            // Others write without delay all the time.
            following.saw(at(now));
            if is_whole {
                following.looked_whole();
            }
        }
        let missed: Vec<_> = changes.iter().filter(|(_, _, is_read)| !is_read).collect();
        assert!(missed.is_empty(), "{missed:?}");
    }

    #[test]
    fn after_a_whole_look_nothing_is_due() {
        let mut following = Following::new(at(0), OVERLAP);
        assert_eq!(following.whole(), Span::since(at(-30_000)));
        following.saw(at(60_000));
        let late = following.late();
        assert_eq!(late.len(), 2);
        let unread = "what was not looked at for the last time";
        assert_eq!(following.whole().since, at(-30_000), "{unread}");
        following.looked_whole();
        assert_eq!(following.late(), []);
        assert_eq!(following.recent().since, at(59_800));
        // A look that was under way meanwhile changes nothing.
        following.looked(&late);
        assert_eq!(following.late(), []);
        assert_eq!(following.whole().since, at(30_000));
    }

    #[test]
    fn what_is_read_again_is_no_news() {
        let mut applied = Applied::new(Following::new(at(0), OVERLAP));
        let mut look = |newest: i64, is_whole: bool, found: &[(u8, u64, i64)]| {
            let mut following = applied.following;
            let news = found
                .iter()
                .map(|(id, revision, time)| (*id, *revision, at(*time)));
            let is_news =
                |(id, revision, time): &(u8, u64, _)| applied.is_news(id, *revision, *time);
            let news: Vec<_> = news.filter(is_news).collect();
            following.saw(at(newest));
            if is_whole {
                following.looked_whole();
            }
            applied.note(following, news.iter().copied());
            news.len()
        };
        assert_eq!(look(1_000, true, &[(1, 1, 900), (2, 4, 1_000)]), 2);
        assert_eq!(look(1_000, true, &[(1, 1, 900), (2, 4, 1_000)]), 0);
        // After a pause of five minutes the look for late changes reads them once more.
        assert_eq!(look(300_000, false, &[(3, 1, 300_000)]), 1);
        assert_eq!(
            look(
                300_000,
                true,
                &[(1, 1, 900), (2, 4, 1_000), (3, 1, 300_000)]
            ),
            0
        );
        // Deleted as the second revision, and brought back as the first.
        assert_eq!(look(301_000, false, &[(3, 2, 301_000)]), 1);
        assert_eq!(look(302_000, false, &[(3, 1, 302_000)]), 1);
        assert_eq!(look(302_000, true, &[(3, 1, 302_000)]), 0);
    }

    #[test]
    fn looks_while_others_write_read_each_time_twice_more() {
        let mut following = Following::new(at(0), OVERLAP);
        let mut read = TimeDelta::zero();
        for now in (0..=100_000).step_by(200) {
            following.saw(at(now));
            let late = following.late();
            for span in &late {
                let until = span.until.unwrap();
                assert!(until <= at(now - 3_000), "{span:?}");
                read += until - span.since;
            }
            following.looked(&late);
        }
        // Up to 3 s and up to 30 s before the end, from as long before the beginning.
        assert!(read <= TimeDelta::seconds(200), "{read}");
        assert!(read >= TimeDelta::seconds(194), "{read}");
    }
}
