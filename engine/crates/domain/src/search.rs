//! Search as users see it.

use crate::content::Status;
use crate::ids::{ArticleId, UserId};

/// Who may be found: an index filters by it inside the search, never after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// Admins.
    All,
    /// What the user owns, what is published, and what is in one of these projects.
    User {
        user: UserId,
        /// Slugs.
        projects: Vec<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// What a person typed. Never an error, whatever it is; empty finds everything, newest first.
    pub text: String,
    pub visibility: Visibility,
    pub project: Option<String>,
    pub status: Option<Status>,
    /// Every one of them.
    pub tags: Vec<String>,
    /// 1 to 100.
    pub limit: usize,
    pub offset: usize,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Hit {
    pub id: ArticleId,
    pub project: String,
    pub status: Status,
    pub tags: Vec<String>,
    pub title: String,
    /// The title as HTML: escaped, matches within `<em>`.
    pub title_html: String,
    /// The best passage as HTML: escaped, matches within `<em>`.
    pub snippet_html: String,
    /// The best passage as plain text.
    pub snippet: String,
    /// Relative, higher is better.
    pub score: f32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    pub hits: Vec<Hit>,
    /// How many match in all.
    pub total: usize,
}

/// State of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexStats {
    pub documents: u64,
    pub size_bytes: u64,
}
