//! Answers of research tools, and sources wherever they are shown.

use inkstone_domain::ids::NoteId;
use inkstone_domain::note::Note;
use inkstone_domain::research::{Answer, Source};
use inkstone_domain::{Error, Result};
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
    /// Why nothing keeps it, though that was asked for and could have been when the tool was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<NotKept>,
}

/// As a problem says it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotKept {
    #[schema(example = "conflict")]
    pub code: &'static str,
    pub detail: String,
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
    /// When it was published, as the source says it; RFC 3339 where it can be.
    #[serde(default)]
    pub published: Option<String>,
}

/// Where a statement comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceReply {
    pub url: Option<String>,
    pub title: Option<String>,
    pub author: Option<String>,
    /// When it was published, as the source says it; RFC 3339 where it can be.
    pub published: Option<String>,
}

impl From<(Answer, Option<Result<Note>>)> for AnswerReply {
    fn from((answer, note): (Answer, Option<Result<Note>>)) -> Self {
        let (note, not_kept) = match note {
            None => (None, None),
            Some(Ok(note)) => (Some(note.id), None),
            Some(Err(error)) => (None, Some(NotKept::from(error))),
        };
        Self {
            content: answer.content,
            text: answer.text,
            sources: answer.sources.into_iter().map(SourceReply::from).collect(),
            note,
            not_kept,
        }
    }
}

impl From<Error> for NotKept {
    fn from(error: Error) -> Self {
        Self {
            code: error.code().name,
            detail: error.message().to_owned(),
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
