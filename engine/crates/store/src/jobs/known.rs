//! What this engine knows of the queue without looking. The database keeps what was deleted from an index among the rest
//! until it is compacted, so whoever reads the queue from its front passes the places of all jobs that were taken there:
//! thousands a claim, after some thousand jobs. So a claim begins where the last one found something. What another
//! engine puts before that place is found by whole looks, which come once a second, and whenever nothing else is there.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use inkstone_domain::job::Priority;

/// So long what is known is enough.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Known(Mutex<State>);

#[derive(Default)]
struct State {
    looked_at: Option<Instant>,
    /// Of each lane, in whose front nothing is queued that is known of: where it begins.
    fronts: BTreeMap<String, String>,
    /// How many ran at the last look, and what was claimed here since.
    load: Load,
    /// Where the next claim of each priority begins to compare, so that every lane has its turn.
    starts: [Option<String>; 3],
    ends_looked_at: Option<Instant>,
    /// Before this key no end is known of that nobody has seen to.
    ends_from: Option<String>,
}

/// What runs, by project and by kind.
#[derive(Default, Clone)]
pub(super) struct Load {
    pub projects: HashMap<String, u32>,
    pub kinds: HashMap<String, u32>,
}

impl Load {
    pub(super) fn add(&mut self, project: &str, kind: &str) {
        *self.kinds.entry(kind.to_owned()).or_default() += 1;
        *self.projects.entry(project.to_owned()).or_default() += 1;
    }
}

impl Known {
    /// What runs, where a claim can go by what is known.
    pub(super) fn load(&self) -> Option<Load> {
        let state = self.state();
        is_fresh(state.looked_at).then(|| state.load.clone())
    }

    /// A whole look begins.
    pub(super) fn looks(&self, load: &Load) {
        let mut state = self.state();
        state.looked_at = Some(Instant::now());
        state.load = load.clone();
    }

    /// What was known may be wrong.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.looked_at = None;
        state.ends_looked_at = None;
    }

    /// The first lane after this one with these first letters, and its front.
    pub(super) fn lane_after(&self, lane: &str, letters: &str) -> Option<(String, String)> {
        let state = self.state();
        let after = (Bound::Excluded(lane.to_owned()), Bound::Unbounded);
        let (next, front) = state.fronts.range(after).next()?;
        next.starts_with(letters)
            .then(|| (next.clone(), front.clone()))
    }

    /// The lane begins here.
    pub(super) fn saw(&self, lane: &str, place: &str) {
        let mut state = self.state();
        state.fronts.insert(lane.to_owned(), place.to_owned());
    }

    /// Nothing was found in it.
    pub(super) fn saw_nothing(&self, lane: &str) {
        self.state().fronts.remove(lane);
    }

    /// A job was put here.
    pub(super) fn put(&self, lane: &str, place: &str) {
        let mut state = self.state();
        let front = state.fronts.entry(lane.to_owned());
        let front = front.or_insert_with(|| place.to_owned());
        if place < front.as_str() {
            place.clone_into(front);
        }
    }

    pub(super) fn claimed(&self, project: &str, kind: &str) {
        self.state().load.add(project, kind);
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

    /// The key from which ends are to be looked for; from the first on where it is time for that.
    pub(super) fn ends_from(&self) -> String {
        let mut state = self.state();
        match &state.ends_from {
            Some(from) if is_fresh(state.ends_looked_at) => from.clone(),
            _ => {
                state.ends_looked_at = Some(Instant::now());
                state.ends_from = None;
                String::new()
            }
        }
    }

    /// The first end was found here.
    pub(super) fn saw_end(&self, key: &str) {
        let mut state = self.state();
        state.ends_from = Some(key.to_owned());
    }

    /// A job has ended.
    pub(super) fn ended(&self, key: &str) {
        let mut state = self.state();
        let from = state.ends_from.as_mut();
        if let Some(from) = from.filter(|from| key < from.as_str()) {
            key.clone_into(from);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(looked_at: Option<Instant>) -> bool {
    looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY)
}
