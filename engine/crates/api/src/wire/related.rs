//! Articles that are like another.

use inkstone_domain::content::Article;
use serde::Serialize;
use utoipa::ToSchema;

use super::article::ArticleItemReply;

/// An article that is like another: all but its body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RelatedReply {
    #[serde(flatten)]
    pub article: ArticleItemReply,
    /// Relative, higher is better.
    pub score: f32,
}

impl From<(Article, f32)> for RelatedReply {
    fn from((article, score): (Article, f32)) -> Self {
        Self {
            article: article.into(),
            score,
        }
    }
}
