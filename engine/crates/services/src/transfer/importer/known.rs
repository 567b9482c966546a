//! What a run remembers: of its own entries, as in a dry run nothing of them is in the store, and what it
//! has looked up.

use std::collections::{HashMap, HashSet};

use inkstone_domain::ids::{ArticleId, CommentId, MediaId, UserId};

use crate::transfer::record::ArticleRecord;

/// Of articles mostly entries that would have made one in a dry run.
#[derive(Default)]
pub(super) struct Known {
    /// By language in lower case and slug.
    slugs: HashMap<(String, String), ArticleId>,
    ids: HashMap<ArticleId, String>,
    /// The first translation of an original, whether it is in the store or not.
    translations: HashMap<ArticleId, ArticleId>,
    /// Whether somebody has an account here.
    pub(super) users: HashMap<UserId, bool>,
    /// Which medium here an id of the file means, if any.
    pub(super) references: HashMap<MediaId, Option<MediaId>>,
    /// Which entry an article of an archive was.
    pub(super) entries: HashMap<ArticleId, u64>,
    /// An article of the file that comments were about, and which one here it is.
    pub(super) home: Option<(ArticleId, ArticleId)>,
    /// Comments that a dry run would have made, and what they answer.
    pub(super) comments: HashMap<CommentId, Option<CommentId>>,
    /// Content types that a dry run would have made.
    pub(super) types: HashSet<String>,
    /// What media of a dry run would have added.
    pub(super) media_bytes: u64,
}

impl Known {
    pub(super) fn add(&mut self, id: ArticleId, language: &str, slug: &str) {
        self.ids.insert(id, slug.to_owned());
        self.slugs.insert(key(language, slug), id);
    }

    /// Of an entry that may be a translation: which article it is here, or in the file where that is not known.
    pub(super) fn add_translation(&mut self, record: &ArticleRecord, id: ArticleId) {
        if let Some(original) = record.translation_of {
            self.translations.entry(original).or_insert(id);
        }
    }

    /// The first translation of this original in the file.
    pub(super) fn translation_of(&self, original: ArticleId) -> Option<ArticleId> {
        self.translations.get(&original).copied()
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
