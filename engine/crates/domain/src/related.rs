//! Articles that are like another: they share its tags, its categories, its words.

use crate::content::{Article, Status};
use crate::ids::ArticleId;
use crate::search::Visibility;

/// Which articles are looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct RelatedQuery {
    /// What they are to be like; it is not found itself.
    pub article: Article,
    pub visibility: Visibility,
    pub project: Option<String>,
    pub status: Option<Status>,
    /// Not found either.
    pub without: Vec<ArticleId>,
    /// 1 to 100.
    pub limit: usize,
}

/// An article that is like another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Related {
    pub id: ArticleId,
    /// Above 0; relative, higher is better.
    pub score: f32,
}
