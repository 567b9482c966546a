//! Tags of a project, and what became of a change of one.

use inkstone_domain::tag::Tag;
use inkstone_services::content::Retagged;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagReply {
    #[schema(example = "sea")]
    pub name: String,
    /// How many articles have it; in `default` how many that are published.
    pub articles: u64,
}

/// Another name for a tag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameTagBody {
    /// 1 to 64 characters; no tag of the project has it.
    #[schema(example = "oceans")]
    pub to: String,
}

/// Where a tag goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeTagBody {
    /// 1 to 64 characters.
    #[schema(example = "oceans")]
    pub into: String,
}

/// What became of a change of a tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetaggedReply {
    /// Articles that have another revision now; at most 1,000 by one call.
    pub changed: u64,
    /// Whether none is left. Else send the same again.
    pub done: bool,
}

impl From<Tag> for TagReply {
    fn from(tag: Tag) -> Self {
        Self {
            name: tag.name,
            articles: tag.articles,
        }
    }
}

impl From<Retagged> for RetaggedReply {
    fn from(retagged: Retagged) -> Self {
        Self {
            changed: retagged.changed,
            done: retagged.is_done,
        }
    }
}
