//! What people thought of answers: remembered by request, counted for the version that answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use inkstone_domain::ids::UserId;
use inkstone_domain::plugin::LoadedPlugin;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};
use quick_cache::sync::Cache;

use super::Plugins;

/// How many calls can be rated; older ones are forgotten.
const REMEMBERED: usize = 10_000;
/// The best rating; 1 is the worst.
const BEST: u8 = 5;

/// The latest calls. A request id is the caller's own word, so it only means something beside the user.
pub(super) struct Ratings(Cache<(UserId, String), Arc<Answer>>);

struct Answer {
    plugin: Arc<LoadedPlugin>,
    is_rated: AtomicBool,
}

/// A rating that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rated {
    pub plugin: String,
    pub version: String,
}

impl Ratings {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Plugins {
    /// Remembers who answered a request; what answers last has answered the whole of it.
    pub(crate) fn answered(&self, user: UserId, request_id: &str, plugin: &Arc<LoadedPlugin>) {
        let answer = Answer {
            plugin: Arc::clone(plugin),
            is_rated: AtomicBool::new(false),
        };
        self.ratings
            .0
            .insert((user, request_id.to_owned()), Arc::new(answer));
    }

    /// Counts what the caller thought of an answer, 1 to 5. `not_found` where it was not given to them,
    /// or long ago; `conflict` where they have rated it.
    pub fn rate(&self, principal: &Principal, request_id: &str, rating: u8) -> Result<Rated> {
        if !(1..=BEST).contains(&rating) {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!("a rating is a number from 1 to {BEST}"),
            )
            .with_fields(vec![FieldError {
                pointer: "/rating".to_owned(),
                detail: format!("must be from 1 to {BEST}"),
            }]));
        }
        let key = (principal.user, request_id.to_owned());
        let answer = self.ratings.0.get(&key).ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!(
                    "there is no answer to a request `{request_id}` of yours among the latest calls; \
                     send the `x-request-id` of its reply, or the id of its job"
                ),
            )
        })?;
        if answer.is_rated.swap(true, Ordering::Relaxed) {
            return Err(Error::new(
                &codes::CONFLICT,
                "this answer was rated already; one rating counts",
            ));
        }
        answer.plugin.stats.rated(rating);
        let manifest = &answer.plugin.manifest;
        Ok(Rated {
            plugin: manifest.id.clone(),
            version: manifest.version.clone(),
        })
    }
}
