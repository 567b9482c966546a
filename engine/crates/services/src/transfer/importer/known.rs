//! What a run remembers of its own entries: in a dry run nothing of them is in the store.

use std::collections::HashMap;

use inkstone_domain::ids::{ArticleId, UserId};

/// Only of entries that would have made an article.
#[derive(Default)]
pub(super) struct Known {
    /// By language in lower case and slug.
    slugs: HashMap<(String, String), ArticleId>,
    ids: HashMap<ArticleId, String>,
    /// Whether somebody has an account here.
    pub(super) users: HashMap<UserId, bool>,
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
