//! Results of a search.

use inkstone_domain::ids::ArticleId;
use inkstone_domain::search::{Hit, SearchPage};
use serde::Serialize;
use utoipa::ToSchema;

use super::article::StatusWord;

/// A page of results.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchReply {
    /// Best first.
    pub data: Vec<HitReply>,
    /// How many match in all.
    pub total: usize,
    pub limit: usize,
    pub offset: usize,
}

/// An article that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitReply {
    #[schema(value_type = String, example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ArticleId,
    pub project: String,
    pub status: StatusWord,
    pub tags: Vec<String>,
    pub title: String,
    /// The best passage.
    pub snippet: String,
    /// Title and passage as HTML, unless `highlight=false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlight: Option<HighlightReply>,
    /// Relative, higher is better.
    pub score: f32,
}

/// Escaped HTML with the matches within `<em>`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HighlightReply {
    pub title: String,
    pub snippet: String,
}

/// Whether matches are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Highlighting {
    On,
    Off,
}

impl SearchReply {
    pub(crate) fn new(
        page: SearchPage,
        limit: usize,
        offset: usize,
        highlighting: Highlighting,
    ) -> Self {
        Self {
            data: page
                .hits
                .into_iter()
                .map(|hit| HitReply::new(hit, highlighting))
                .collect(),
            total: page.total,
            limit,
            offset,
        }
    }
}

impl HitReply {
    fn new(hit: Hit, highlighting: Highlighting) -> Self {
        let highlight = match highlighting {
            Highlighting::Off => None,
            Highlighting::On => Some(HighlightReply {
                title: hit.title_html,
                snippet: hit.snippet_html,
            }),
        };
        Self {
            id: hit.id,
            project: hit.project,
            status: hit.status.into(),
            tags: hit.tags,
            title: hit.title,
            snippet: hit.snippet,
            highlight,
            score: hit.score,
        }
    }
}
