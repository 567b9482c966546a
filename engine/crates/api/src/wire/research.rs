//! Answers of research tools, and sources wherever they are shown.

use inkstone_domain::research::{Answer, Source};
use serde::Serialize;
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

impl From<Answer> for AnswerReply {
    fn from(answer: Answer) -> Self {
        Self {
            content: answer.content,
            text: answer.text,
            sources: answer.sources.into_iter().map(SourceReply::from).collect(),
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
