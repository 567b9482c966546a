//! What changed between revisions, and what two changes come to.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::ArticleId;
use inkstone_services::content::{
    ArticlePatch, FieldDiff, MergeConflict, Merged, Piece, PieceKind, RevisionDiff,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::article::{ArticlePatchBody, StatusWord};
use super::object::object;

/// What changed from one revision to another.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffReply {
    #[schema(value_type = String)]
    pub article: ArticleId,
    /// 0 is the empty text before the first.
    pub from: u64,
    pub to: u64,
    /// Those that differ.
    pub fields: Vec<FieldDiffReply>,
}

/// What changed in one field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldDiffReply {
    #[schema(example = "body")]
    pub field: &'static str,
    pub pieces: Vec<PieceReply>,
}

/// Words that stayed, came or went; of tags, one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PieceReply {
    pub op: PieceWord,
    pub text: String,
}

/// What became of a piece.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PieceWord {
    Equal,
    Insert,
    Delete,
}

/// A change that was made on an older revision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeBody {
    /// The revision it was made on.
    pub base: u64,
    #[serde(deserialize_with = "object")]
    pub patch: ArticlePatchBody,
}

/// What two changes come to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergeReply {
    /// The revision that `patch` is a change of: send it with `if-match` of this.
    pub revision: u64,
    pub patch: MergedPatchReply,
    /// Where both changed the same; `patch` has what is stored there.
    pub conflicts: Vec<ConflictReply>,
}

/// A change with the changes of others in it; only what was named.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergedPatchReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// CommonMark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_index: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
}

/// Something that both changed, each to something else.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConflictReply {
    #[schema(example = "body")]
    pub field: &'static str,
    /// Where `stored` begins in the merged field, in characters (Unicode scalar values).
    pub at: usize,
    /// What both changed.
    pub base: String,
    pub stored: String,
    pub yours: String,
}

impl DiffReply {
    pub(crate) fn of(article: ArticleId, diff: RevisionDiff) -> Self {
        Self {
            article,
            from: diff.from,
            to: diff.to,
            fields: diff.fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<FieldDiff> for FieldDiffReply {
    fn from(diff: FieldDiff) -> Self {
        Self {
            field: diff.field,
            pieces: diff.pieces.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Piece> for PieceReply {
    fn from(piece: Piece) -> Self {
        Self {
            op: match piece.kind {
                PieceKind::Equal => PieceWord::Equal,
                PieceKind::Insert => PieceWord::Insert,
                PieceKind::Delete => PieceWord::Delete,
            },
            text: piece.text,
        }
    }
}

impl From<Merged> for MergeReply {
    fn from(merged: Merged) -> Self {
        Self {
            revision: merged.revision,
            patch: merged.patch.into(),
            conflicts: merged.conflicts.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ArticlePatch> for MergedPatchReply {
    fn from(patch: ArticlePatch) -> Self {
        Self {
            title: patch.title,
            body: patch.body,
            summary: patch.summary,
            tags: patch.tags,
            meta_description: patch.meta_description,
            language: patch.language,
            status: patch.status.map(Into::into),
            publish_at: patch.publish_at,
            slug: patch.slug,
            categories: patch.extras.categories,
            authors: patch.extras.authors,
            cover: patch.extras.cover,
            meta_title: patch.extras.meta_title,
            canonical_url: patch.extras.canonical_url,
            no_index: patch.extras.no_index,
            content_type: patch.extras.content_type,
            fields: patch.extras.fields,
        }
    }
}

impl From<MergeConflict> for ConflictReply {
    fn from(conflict: MergeConflict) -> Self {
        Self {
            field: conflict.field,
            at: conflict.at,
            base: conflict.base,
            stored: conflict.stored,
            yours: conflict.yours,
        }
    }
}
