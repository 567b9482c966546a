//! Many changes of articles in one body, and what became of each.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::{Error, FieldError, Result};
use inkstone_services::content::{MAX_TITLE_CHARS, Operation, Outcome, Target, Transition};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::article::{ArticlePatchBody, NewArticleBody, StatusWord};
use super::object::object;
use super::problem::Problem;
use crate::error::{fields_at, invalid_fields, status_of};
use crate::extract::revision_of;

/// Changes to be made one after the other.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkBody {
    #[schema(min_items = 1, max_items = 100, example = json!([
        {"create": {"title": "Tides"}},
        {"tag": {"id": "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P", "tags": ["sea"]}},
    ]))]
    pub operations: Vec<OperationBody>,
}

/// One change. It is what the route of its own does.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationBody {
    #[serde(deserialize_with = "object")]
    Create(Box<NewArticleBody>),
    #[serde(deserialize_with = "object")]
    Update(UpdateBody),
    /// A step of its life.
    #[serde(deserialize_with = "object")]
    Move(MoveBody),
    #[serde(deserialize_with = "object")]
    Tag(TagsBody),
    #[serde(deserialize_with = "object")]
    Untag(TagsBody),
    /// It can be brought back.
    #[serde(deserialize_with = "object")]
    Trash(TargetBody),
    /// From the trash.
    #[serde(deserialize_with = "object")]
    Restore(TargetBody),
}

/// A change of an article.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateBody {
    #[schema(value_type = String, pattern = "^art_[0-7][0-9A-HJKMNP-TV-Z]{25}$", example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ArticleId,
    /// The `etag` of the revision that is changed; any where it is left out.
    #[serde(default)]
    #[schema(example = "\"7\"")]
    pub if_match: Option<String>,
    #[serde(deserialize_with = "object")]
    pub patch: Box<ArticlePatchBody>,
}

/// A step of an article's life.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveBody {
    #[schema(value_type = String, pattern = "^art_[0-7][0-9A-HJKMNP-TV-Z]{25}$", example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ArticleId,
    /// The `etag` of the revision that is meant; any where it is left out.
    #[serde(default)]
    pub if_match: Option<String>,
    pub to: StatusWord,
    /// When it is to be published; with `scheduled`, in the future.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// Kept with the revision.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Tags of an article; its others stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TagsBody {
    #[schema(value_type = String, pattern = "^art_[0-7][0-9A-HJKMNP-TV-Z]{25}$", example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ArticleId,
    /// The `etag` of the revision that is meant; any where it is left out.
    #[serde(default)]
    pub if_match: Option<String>,
    #[schema(example = json!(["sea"]))]
    pub tags: Vec<String>,
}

/// An article.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetBody {
    #[schema(value_type = String, pattern = "^art_[0-7][0-9A-HJKMNP-TV-Z]{25}$", example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ArticleId,
    /// The `etag` of the revision that is meant; any where it is left out.
    #[serde(default)]
    pub if_match: Option<String>,
}

/// What became of the changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkReply {
    /// In the order of the operations.
    pub data: Vec<OperationReply>,
    pub succeeded: usize,
    pub failed: usize,
}

/// What became of one change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OperationReply {
    /// Its place among the operations, from 0.
    pub index: usize,
    /// As of the route of its own: 201 where something was made, 200 where it was changed, or an error's.
    #[schema(example = 200)]
    pub status: u16,
    /// The article that was meant or made.
    #[schema(value_type = Option<String>)]
    pub id: Option<ArticleId>,
    /// Its revision now.
    #[schema(example = "\"7\"")]
    pub etag: Option<String>,
    /// Why it was not made; its pointers lead into this request's body.
    pub problem: Option<Problem>,
}

/// Where the fields of an operation stand in its part of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    inside: &'static str,
    is_new: bool,
}

impl OperationBody {
    pub(crate) fn place(&self) -> Place {
        let (inside, is_new) = match self {
            Self::Create(_) => ("create", true),
            Self::Update(_) => ("update/patch", false),
            Self::Move(_) => ("move", false),
            Self::Tag(_) => ("tag", false),
            Self::Untag(_) => ("untag", false),
            Self::Trash(_) => ("trash", false),
            Self::Restore(_) => ("restore", false),
        };
        Place { inside, is_new }
    }

    /// `index` is its place among the operations.
    pub(crate) fn into_domain(self, index: usize) -> Result<Operation> {
        let target = |word: &str, id: ArticleId, if_match: Option<String>| {
            let expected_revision = match if_match.as_deref().map(revision_of) {
                None => None,
                Some(Ok(revision)) => revision,
                Some(Err(error)) => {
                    let field = FieldError {
                        pointer: format!("/operations/{index}/{word}/if_match"),
                        detail: error.message().to_owned(),
                    };
                    return Err(invalid_fields("the body is not valid", vec![field]));
                }
            };
            Ok(Target {
                id,
                expected_revision,
            })
        };
        Ok(match self {
            Self::Create(body) => {
                // As all that is no valid body, before anything is done.
                if !(1..=MAX_TITLE_CHARS).contains(&body.title.chars().count()) {
                    let field = FieldError {
                        pointer: format!("/operations/{index}/create/title"),
                        detail: format!("must have 1 to {MAX_TITLE_CHARS} characters"),
                    };
                    return Err(invalid_fields("the body is not valid", vec![field]));
                }
                Operation::Create(Box::new((*body).into()))
            }
            Self::Update(body) => Operation::Update(
                target("update", body.id, body.if_match)?,
                Box::new((*body.patch).into()),
            ),
            Self::Move(body) => Operation::Move(
                target("move", body.id, body.if_match)?,
                Transition {
                    to: body.to.into(),
                    at: body.at,
                    comment: body.comment,
                },
            ),
            Self::Tag(body) => Operation::Tag(target("tag", body.id, body.if_match)?, body.tags),
            Self::Untag(body) => {
                Operation::Untag(target("untag", body.id, body.if_match)?, body.tags)
            }
            Self::Trash(body) => Operation::Trash(target("trash", body.id, body.if_match)?),
            Self::Restore(body) => Operation::Restore(target("restore", body.id, body.if_match)?),
        })
    }
}

impl BulkReply {
    pub(crate) fn new(data: Vec<OperationReply>) -> Self {
        let failed = data.iter().filter(|one| one.problem.is_some()).count();
        Self {
            succeeded: data.len() - failed,
            failed,
            data,
        }
    }
}

impl OperationReply {
    pub(crate) fn new(index: usize, place: Place, outcome: Outcome, request_id: &str) -> Self {
        let (status, etag, problem) = match outcome.result {
            Ok(revision) => {
                let status = if place.is_new { 201 } else { 200 };
                (status, Some(format!("\"{revision}\"")), None)
            }
            Err(error) => {
                let status = status_of(&error).as_u16();
                let error = within(error, &format!("/operations/{index}/{}", place.inside));
                (status, None, Some(Problem::new(&error, status, request_id)))
            }
        };
        Self {
            index,
            status,
            id: outcome.id,
            etag,
            problem,
        }
    }
}

/// The error, with its fields where they stand in the whole body.
fn within(error: Error, place: &str) -> Error {
    let fields = fields_at(&error, |pointer| format!("{place}{pointer}"));
    error.with_fields(fields)
}
