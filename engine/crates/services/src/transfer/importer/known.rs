//! What a run remembers: of its own entries, as in a dry run nothing of them is in the store, and what it
//! has looked up.

use std::collections::HashMap;

use inkstone_domain::ids::{ArticleId, MediaId, UserId};

/// Of articles only entries that would have made one in a dry run.
#[derive(Default)]
pub(super) struct Known {
    /// By language in lower case and slug.
    slugs: HashMap<(String, String), ArticleId>,
    ids: HashMap<ArticleId, String>,
    /// Whether somebody has an account here.
    pub(super) users: HashMap<UserId, bool>,
    /// Which medium here an id of the file means, if any.
    pub(super) references: HashMap<MediaId, Option<MediaId>>,
    /// What media of a dry run would have added.
    pub(super) media_bytes: u64,
}

impl Known {
    pub(super) fn add(&mut self, id: ArticleId, language: &str, slug: &str) {
        self.ids.insert(id, slug.to_owned());
        self.slugs.insert(key(language, slug), id);
    }

    pub(super) fn has(&self, id: ArticleId) -> bool {
        self.ids.contains_key(&id)
    }

    pub(super) fn slug_of(&self, id: ArticleId) -> Option<String> {
        self.ids.get(&id).cloned()
    }

    pub(super) fn by_slug(&self, language: &str, slug: &str) -> Option<ArticleId> {
        self.slugs.get(&key(language, slug)).copied()
    }
}

fn key(language: &str, slug: &str) -> (String, String) {
    (language.to_ascii_lowercase(), slug.to_owned())
}
