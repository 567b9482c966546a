//! What requests meant, in memory: the newest of each scope, read from the store at its first use.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use inkstone_domain::kept_reply::Meaning;
use inkstone_domain::ports::ReplyStore;

/// By scope.
#[derive(Default)]
pub(super) struct Meanings(Mutex<HashMap<String, VecDeque<Known>>>);

struct Known {
    key: String,
    meaning: Meaning,
    expires_at: DateTime<Utc>,
}

/// Compared one by one: two thousand vectors of 384 numbers take a third of a millisecond.
const MOST: usize = 2_000;
/// Scopes in memory.
const MOST_SCOPES: usize = 1_000;

impl Meanings {
    /// The key of the request that means most nearly the same, if it is near enough.
    pub async fn closest(
        &self,
        replies: &dyn ReplyStore,
        scope: &str,
        meaning: &Meaning,
        threshold: f32,
        now: DateTime<Utc>,
    ) -> Option<String> {
        if !self.knows(scope) {
            let found = replies.cached_meanings(scope, now, MOST).await;
            let found = found
                .inspect_err(|error| tracing::warn!(?error, "the cache could not be read"))
                .ok()?;
            let known = found.into_iter().filter_map(|reply| {
                Some(Known {
                    key: reply.key,
                    meaning: reply.meaning?,
                    expires_at: reply.expires_at,
                })
            });
            self.insert(scope, known.collect());
        }
        let scopes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = scopes.get(scope)?.iter().filter(|known| {
            known.expires_at > now
                && known.meaning.frame == meaning.frame
                && known.meaning.vector.len() == meaning.vector.len()
        });
        let ranked = alike.map(|known| (cosine(&known.meaning.vector, &meaning.vector), known));
        let (likeness, best) = ranked.max_by(|one, other| one.0.total_cmp(&other.0))?;
        (likeness >= threshold).then(|| best.key.clone())
    }

    /// Known from now on, if its scope is.
    pub fn add(&self, scope: &str, key: &str, meaning: Meaning, expires_at: DateTime<Utc>) {
        let mut scopes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = scopes.get_mut(scope) {
            known.retain(|other| other.key != key);
            known.push_front(Known {
                key: key.to_owned(),
                meaning,
                expires_at,
            });
            known.truncate(MOST);
        }
    }

    fn knows(&self, scope: &str) -> bool {
        let scopes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.contains_key(scope)
    }

    /// What was added meanwhile stays before what was read.
    fn insert(&self, scope: &str, read: VecDeque<Known>) {
        let mut scopes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if scopes.len() >= MOST_SCOPES {
            scopes.clear();
        }
        scopes.entry(scope.to_owned()).or_insert(read);
    }
}

/// Of vectors of length one.
fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
