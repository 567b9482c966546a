//! Comments on articles, and suggestions.

use chrono::{DateTime, Utc};
use inkstone_domain::comment::{Anchor, SuggestionState};
use inkstone_domain::ids::{ArticleId, CommentId, UserId};
use inkstone_services::content::{NewComment, NewSuggestion, Place, Placed};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A place in the body of an article.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnchorBody {
    /// The revision whose characters are counted; the newest where it is left out.
    #[serde(default)]
    pub revision: Option<u64>,
    /// The first character, counted from 0 in Unicode scalar values.
    pub start: usize,
    /// Behind the last character.
    pub end: usize,
    /// What the client takes for the words there; 400 where others stand there.
    #[serde(default)]
    pub exact: Option<String>,
}

/// A comment to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCommentBody {
    /// Plain text of 1 to 10,000 characters; `@usr_…` mentions somebody.
    #[schema(example = "Is that so?")]
    pub body: String,
    /// Left out for what is said about the article as a whole.
    #[serde(default)]
    pub anchor: Option<AnchorBody>,
}

/// A suggestion to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSuggestionBody {
    /// Why.
    #[serde(default)]
    pub body: String,
    pub anchor: AnchorBody,
    /// Other words for those at the place; empty takes them away.
    pub replacement: String,
}

/// Words.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentTextBody {
    /// Plain text of 1 to 10,000 characters.
    pub body: String,
}

/// Whether a thread is settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveBody {
    pub resolved: bool,
}

/// A comment, a reply or a suggestion.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommentReply {
    #[schema(value_type = String, example = "cmt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: CommentId,
    #[schema(value_type = String)]
    pub article: ArticleId,
    #[schema(value_type = String)]
    pub author: UserId,
    pub body: String,
    /// Those whom the body names.
    #[schema(value_type = Vec<String>)]
    pub mentions: Vec<UserId>,
    /// The comment it is a reply to.
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<CommentId>,
    pub anchor: Option<AnchorReply>,
    pub suggestion: Option<SuggestionReply>,
    pub resolved: bool,
    #[schema(value_type = Option<String>)]
    pub resolved_by: Option<UserId>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where a comment stands: selectors as of W3C's Web Annotations, and the place in the text as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnchorReply {
    /// The revision that was commented.
    pub revision: u64,
    pub position: TextPositionSelector,
    pub quote: TextQuoteSelector,
    /// Where the words are now; null where they are gone.
    pub now: Option<CharRange>,
    /// The words are gone.
    pub orphaned: bool,
}

/// Characters of the body of the revision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextPositionSelector {
    /// `TextPositionSelector`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub start: usize,
    pub end: usize,
}

/// The words, and those around them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextQuoteSelector {
    /// `TextQuoteSelector`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub exact: String,
    pub prefix: String,
    pub suffix: String,
}

/// Characters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CharRange {
    pub start: usize,
    pub end: usize,
}

/// Other words for those at the anchor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuggestionReply {
    pub replacement: String,
    /// `open`, `accepted` or `rejected`.
    pub state: &'static str,
    #[schema(value_type = Option<String>)]
    pub decided_by: Option<UserId>,
    pub decided_at: Option<DateTime<Utc>>,
}

/// What became of the article, and of the suggestion.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedReply {
    /// The revision of the article that has the words.
    pub article_revision: u64,
    pub comment: CommentReply,
}

impl From<AnchorBody> for Place {
    fn from(body: AnchorBody) -> Self {
        Self {
            revision: body.revision,
            range: body.start..body.end,
            exact: body.exact,
        }
    }
}

impl From<NewCommentBody> for NewComment {
    fn from(body: NewCommentBody) -> Self {
        Self {
            body: body.body,
            place: body.anchor.map(Place::from),
        }
    }
}

impl From<NewSuggestionBody> for NewSuggestion {
    fn from(body: NewSuggestionBody) -> Self {
        Self {
            body: body.body,
            place: body.anchor.into(),
            replacement: body.replacement,
        }
    }
}

impl From<Placed> for CommentReply {
    fn from(placed: Placed) -> Self {
        let Placed { comment, range } = placed;
        let anchor = comment.anchor.map(|anchor| {
            let Anchor {
                revision,
                start,
                end,
                exact,
                prefix,
                suffix,
            } = anchor;
            AnchorReply {
                revision,
                position: TextPositionSelector {
                    kind: "TextPositionSelector",
                    start,
                    end,
                },
                quote: TextQuoteSelector {
                    kind: "TextQuoteSelector",
                    exact,
                    prefix,
                    suffix,
                },
                orphaned: range.is_none(),
                now: range.map(|range| CharRange {
                    start: range.start,
                    end: range.end,
                }),
            }
        });
        Self {
            id: comment.id,
            article: comment.article,
            author: comment.author,
            body: comment.body,
            mentions: comment.mentions,
            reply_to: comment.reply_to,
            anchor,
            suggestion: comment.suggestion.map(|suggestion| SuggestionReply {
                replacement: suggestion.replacement,
                state: match suggestion.state {
                    SuggestionState::Open => "open",
                    SuggestionState::Accepted => "accepted",
                    SuggestionState::Rejected => "rejected",
                },
                decided_by: suggestion.decided_by,
                decided_at: suggestion.decided_at,
            }),
            resolved: comment.resolved.is_some(),
            resolved_by: comment.resolved.as_ref().map(|it| it.by),
            resolved_at: comment.resolved.as_ref().map(|it| it.at),
            revision: comment.revision,
            created_at: comment.created_at,
            updated_at: comment.updated_at,
        }
    }
}
