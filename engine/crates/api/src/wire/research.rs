//! Answers of research tools, and sources wherever they are shown.

use inkstone_domain::ids::NoteId;
use inkstone_domain::research::{Answer, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What a tool found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerReply {
    /// The result for programs.
    #[schema(value_type = Value)]
    pub content: Value,
    /// The same for people and models, Markdown.
    pub text: String,
    pub sources: Vec<SourceReply>,
    /// `nte_…` that keeps it; where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub note: Option<NoteId>,
}

/// Where a statement comes from. It has a `url` or a `title`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoundSourceBody {
    /// With `http` or `https`, at most 2,000 bytes.
    #[serde(default)]
    #[schema(example = "https://example.org/tides")]
    pub url: Option<String>,
    /// At most 500 characters, as the next two.
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub author: Option<String>,
    /// RFC 3339 date or date-time.
    #[serde(default)]
    pub published: Option<String>,
}

/// Where a statement comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceReply {
    pub url: Option<String>,
    pub title: Option<String>,
    pub author: Option<String>,
    /// RFC 3339 date or date-time.
    pub published: Option<String>,
}

impl From<(Answer, Option<NoteId>)> for AnswerReply {
    fn from((answer, note): (Answer, Option<NoteId>)) -> Self {
        Self {
            content: answer.content,
            text: answer.text,
            sources: answer.sources.into_iter().map(SourceReply::from).collect(),
            note,
        }
    }
}

impl From<FoundSourceBody> for Source {
    fn from(body: FoundSourceBody) -> Self {
        Self {
            url: body.url,
            title: body.title,
            author: body.author,
            published: body.published,
        }
    }
}

impl From<Source> for SourceReply {
    fn from(source: Source) -> Self {
        Self {
            url: source.url,
            title: source.title,
            author: source.author,
            published: source.published,
        }
    }
}
