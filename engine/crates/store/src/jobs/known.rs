//! What this engine knows of the queue without looking. The database keeps what was deleted from an index among the rest
//! until it is compacted, so whoever reads the queue from its front passes the places of all jobs that were taken there:
//! thousands a claim, after some thousand jobs. So a claim begins where the last one found something. What another
//! engine puts before that place is found by whole looks: every second, or less often where they take long.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::job::Priority;

use super::list::END_OF_KEYS;

/// So long what is known is enough, or so many times as long as the look took.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const REST: u32 = 50;
/// After so long leases may have ended that stood at the last look.
const LEASES_HOLD: TimeDelta = TimeDelta::seconds(5);

#[derive(Default)]
pub(crate) struct Known {
    state: Mutex<State>,
    /// Whole looks are one at a time: the second finds what the first saw.
    looks: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    lanes: Freshness,
    looked_at: Option<DateTime<Utc>>,
    /// Of each lane, in whose front nothing is queued that is known of: where it begins.
    fronts: BTreeMap<String, Front>,
    /// What ran at the last look or was claimed here since, and did not stop here, by its key.
    running: BTreeMap<String, Running>,
    /// What stopped here since a whole look began.
    stopped: Vec<String>,
    is_looking: bool,
    /// A whole look found nothing, so all that is queued was put since, if there is no other engine.
    is_all: bool,
    /// Where the next claim of each priority begins to compare, so that every lane has its turn.
    starts: [Option<String>; 3],
    ends: Freshness,
    /// Before it no end is known of that nobody has seen to.
    first_end: Front,
    /// How often something was put anywhere.
    puts: u64,
}

/// When all was looked at, and for how long that is enough.
#[derive(Default)]
struct Freshness(Option<(Instant, Duration)>);

/// A place, and the number of the last put behind or before it.
#[derive(Default)]
struct Front {
    place: String,
    put: u64,
}

/// Of what project and kind it is, and the number of its claim.
struct Running {
    project: String,
    kind: String,
    put: u64,
}

/// How far things were put when a look began.
#[derive(Clone, Copy)]
pub(super) struct Began {
    at: Instant,
    puts: u64,
}

/// What runs, by project and by kind.
#[derive(Default, Clone)]
pub(super) struct Load {
    pub projects: HashMap<String, u32>,
    pub kinds: HashMap<String, u32>,
}

impl Known {
    /// A look begins, whole or not.
    pub(super) fn begin(&self) -> Began {
        Began {
            at: Instant::now(),
            puts: self.state().puts,
        }
    }

    /// What runs, where a claim can go by what is known.
    pub(super) fn load(&self, now: DateTime<Utc>) -> Option<Load> {
        let state = self.state();
        // Leases end by the clock of whoever claims.
        let is_past = state
            .looked_at
            .is_some_and(|at| (now - at).abs() > LEASES_HOLD);
        (state.lanes.is_fresh() && !is_past).then(|| state.load())
    }

    /// One whole look after the other.
    pub(super) async fn one_look(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.looks.lock().await
    }

    /// A whole look begins.
    pub(super) fn begin_whole(&self) -> Began {
        let mut state = self.state();
        state.stopped.clear();
        state.is_looking = true;
        drop(state);
        self.begin()
    }

    /// Keys, projects and kinds of what was found running.
    pub(super) fn runs(&self, found: Vec<(String, String, String)>, began: Began) -> Load {
        let mut state = self.state();
        state.running.retain(|_, one| one.put > began.puts);
        for (key, project, kind) in found {
            if !state.stopped.contains(&key) {
                let running = state.running.entry(key);
                running.or_insert(Running {
                    project,
                    kind,
                    put: 0,
                });
            }
        }
        state.load()
    }

    /// The whole queue was looked at.
    pub(super) fn looked(&self, began: Began, now: DateTime<Utc>, found_nothing: bool) {
        let mut state = self.state();
        state.looked_at = Some(now);
        state.is_looking = false;
        state.is_all |= found_nothing;
        state.lanes = Freshness::since(began.at);
    }

    /// What runs is not what was known.
    pub(super) fn doubt(&self) {
        self.state().lanes = Freshness::default();
    }

    /// Whether nothing is queued but what was put in the lanes that are known of.
    pub(super) fn is_all(&self) -> bool {
        self.state().is_all
    }

    /// The first lane after this one with these first letters, and its front.
    pub(super) fn lane_after(&self, lane: &str, letters: &str) -> Option<(String, String)> {
        let state = self.state();
        let after = (Bound::Excluded(lane.to_owned()), Bound::Unbounded);
        let (next, front) = state.fronts.range(after).next()?;
        next.starts_with(letters)
            .then(|| (next.clone(), front.place.clone()))
    }

    /// The lane begins here, but for what was put since the look began.
    pub(super) fn saw(&self, lane: &str, place: &str, began: Began) {
        let mut state = self.state();
        let front = state.fronts.entry(lane.to_owned()).or_default();
        front.saw(place, began);
    }

    /// Nothing was found in it.
    pub(super) fn saw_nothing(&self, lane: &str, began: Began) {
        let mut state = self.state();
        if state
            .fronts
            .get(lane)
            .is_some_and(|front| front.put <= began.puts)
        {
            state.fronts.remove(lane);
        }
    }

    /// A job was put here.
    pub(super) fn put(&self, lane: &str, place: &str) {
        let mut state = self.state();
        state.puts += 1;
        let put = state.puts;
        state
            .fronts
            .entry(lane.to_owned())
            .or_default()
            .put(place, put);
    }

    /// A job that ran here runs no more.
    pub(super) fn stopped(&self, key: &str) {
        self.state().stopped(key);
    }

    pub(super) fn claimed(&self, key: &str, project: &str, kind: &str) {
        let mut state = self.state();
        state.puts += 1;
        let running = Running {
            project: project.to_owned(),
            kind: kind.to_owned(),
            put: state.puts,
        };
        state.running.insert(key.to_owned(), running);
    }

    pub(super) fn start(&self, priority: Priority) -> Option<String> {
        let state = self.state();
        state
            .starts
            .get(usize::from(priority.rank()))
            .cloned()
            .flatten()
    }

    pub(super) fn begin_at(&self, priority: Priority, lane: String) {
        let mut state = self.state();
        if let Some(start) = state.starts.get_mut(usize::from(priority.rank())) {
            *start = Some(lane);
        }
    }

    /// The key from which ends are to be looked for: the first one where it is time to look at all.
    pub(super) fn ends_from(&self) -> String {
        let state = self.state();
        match state.ends.is_fresh() {
            true => state.first_end.place.clone(),
            false => String::new(),
        }
    }

    /// The first end was found here, from that key on.
    pub(super) fn saw_end(&self, key: Option<&str>, from: &str, began: Began) {
        let mut state = self.state();
        if from.is_empty() {
            state.ends = Freshness::since(began.at);
            state.first_end.place.clear();
        }
        state.first_end.saw(key.unwrap_or(END_OF_KEYS), began);
    }

    /// Whether nobody has to see to any end, if there is no other engine.
    pub(super) fn is_nothing_ended(&self) -> bool {
        let state = self.state();
        state.ends.is_fresh() && state.first_end.place == END_OF_KEYS
    }

    /// A job runs no more, and something may follow from that.
    pub(super) fn ended(&self, key: &str, is_more: bool) {
        let mut state = self.state();
        state.stopped(key);
        if is_more {
            state.puts += 1;
            let put = state.puts;
            state.first_end.put(key, put);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stopped(&mut self, key: &str) {
        self.running.remove(key);
        if self.is_looking {
            self.stopped.push(key.to_owned());
        }
    }

    fn load(&self) -> Load {
        let mut load = Load::default();
        for Running { project, kind, .. } in self.running.values() {
            *load.kinds.entry(kind.clone()).or_default() += 1;
            *load.projects.entry(project.clone()).or_default() += 1;
        }
        load
    }
}

impl Freshness {
    fn since(began: Instant) -> Self {
        let rest = LOOK_EVERY.max(began.elapsed() * REST);
        Self(Some((Instant::now(), rest)))
    }

    fn is_fresh(&self) -> bool {
        self.0.is_some_and(|(at, rest)| at.elapsed() < rest)
    }
}

impl Front {
    fn put(&mut self, place: &str, put: u64) {
        let is_new = self.put == 0 && self.place.is_empty();
        if is_new || place < self.place.as_str() {
            place.clone_into(&mut self.place);
        }
        self.put = put;
    }

    /// A look found nothing before this place.
    fn saw(&mut self, place: &str, began: Began) {
        let is_lower = place < self.place.as_str();
        if is_lower || self.put <= began.puts {
            place.clone_into(&mut self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: &str = "1:handbook generate";

    fn front(known: &Known) -> Option<String> {
        known.lane_after("1:", "1:").map(|(_, front)| front)
    }

    #[test]
    fn what_is_put_during_a_look_is_not_passed() {
        let known = Known::default();
        known.put(LANE, "b");
        let began = known.begin();
        known.put(LANE, "a");
        known.saw(LANE, "c", began);
        assert_eq!(front(&known).as_deref(), Some("a"));
        known.saw_nothing(LANE, began);
        assert_eq!(front(&known).as_deref(), Some("a"));
        known.saw(LANE, "c", known.begin());
        assert_eq!(front(&known).as_deref(), Some("c"));
        known.saw_nothing(LANE, known.begin());
        assert_eq!(front(&known), None);
    }

    #[test]
    fn what_ends_or_is_claimed_during_a_whole_look_is_known() {
        let known = Known::default();
        let of = |key: &str| (key.to_owned(), "handbook".to_owned(), "generate".to_owned());
        let now = DateTime::UNIX_EPOCH;
        known.claimed("gone", "handbook", "generate");
        let began = known.begin_whole();
        known.claimed("new", "handbook", "generate");
        known.ended("done", true);
        let load = known.runs(vec![of("done"), of("other")], began);
        assert_eq!(load.projects.get("handbook"), Some(&2), "new and other");
        assert!(known.load(now).is_none(), "the look is not over");
        known.looked(began, now, false);
        assert!(known.load(now).is_some());
        assert!(!known.is_all(), "something was found before all was seen");
        known.looked(known.begin_whole(), now, true);
        assert!(known.is_all());
        assert!(known.load(now + TimeDelta::seconds(30)).is_none());
    }

    #[test]
    fn ends_are_looked_for_from_the_first_that_is_known() {
        let known = Known::default();
        known.ended("b", true);
        assert_eq!(known.ends_from(), "", "nobody has looked");
        known.saw_end(Some("b"), "", known.begin());
        assert_eq!(known.ends_from(), "b");
        let began = known.begin();
        known.ended("a", true);
        known.saw_end(Some("c"), "b", began);
        assert_eq!(known.ends_from(), "a");
        known.saw_end(None, "a", known.begin());
        assert!(known.is_nothing_ended());
        known.ended("c", false);
        assert!(known.is_nothing_ended());
        known.ended("d", true);
        assert_eq!(known.ends_from(), "d");
    }
}
