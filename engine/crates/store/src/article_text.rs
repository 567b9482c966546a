//! The text of an article as it stands in rows: of the article and of each revision. What was added after
//! the first tables is absent where it is empty.

use chrono::{DateTime, Utc};
use inkstone_domain::content::{ArticleText, Extras, Status};
use surrealdb::types::SurrealValue;

use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, unknown_word};

const TABLE: &str = "article";

#[derive(SurrealValue)]
pub(crate) struct TextRow {
    title: String,
    summary: String,
    body: String,
    tags: Vec<String>,
    meta_description: String,
    language: String,
    status: String,
    publish_at: Option<DateTime<Utc>>,
    categories: Option<Vec<String>>,
    authors: Option<Vec<String>>,
    cover: Option<String>,
    meta_title: Option<String>,
    canonical_url: Option<String>,
    no_index: Option<bool>,
    content_type: Option<String>,
    /// JSON text, kept as it came.
    fields: Option<String>,
}

impl From<ArticleText> for TextRow {
    fn from(text: ArticleText) -> Self {
        let ArticleText {
            title,
            summary,
            body,
            tags,
            meta_description,
            language,
            status,
            publish_at,
            extras,
        } = text;
        let Extras {
            categories,
            authors,
            cover,
            meta_title,
            canonical_url,
            no_index,
            content_type,
            fields,
        } = extras;
        let text = |text: String| (!text.is_empty()).then_some(text);
        let list = |list: Vec<String>| (!list.is_empty()).then_some(list);
        Self {
            title,
            summary,
            body,
            tags,
            meta_description,
            language,
            status: status.as_str().to_owned(),
            publish_at,
            categories: list(categories),
            authors: list(authors),
            cover: text(cover),
            meta_title: text(meta_title),
            canonical_url: text(canonical_url),
            no_index: no_index.then_some(true),
            content_type: text(content_type),
            fields: (!fields.is_empty()).then(|| serde_json::Value::Object(fields).to_string()),
        }
    }
}

impl TryFrom<TextRow> for ArticleText {
    type Error = StoreFailure;

    fn try_from(row: TextRow) -> RowResult<Self> {
        let Some(status) = Status::named(&row.status) else {
            return Err(unknown_word(TABLE, "status", &row.status));
        };
        let fields = match row.fields {
            Some(json) => from_json(TABLE, &json)?,
            None => serde_json::Map::new(),
        };
        Ok(Self {
            title: row.title,
            summary: row.summary,
            body: row.body,
            tags: row.tags,
            meta_description: row.meta_description,
            language: row.language,
            status,
            publish_at: row.publish_at,
            extras: Extras {
                categories: row.categories.unwrap_or_default(),
                authors: row.authors.unwrap_or_default(),
                cover: row.cover.unwrap_or_default(),
                meta_title: row.meta_title.unwrap_or_default(),
                canonical_url: row.canonical_url.unwrap_or_default(),
                no_index: row.no_index.unwrap_or_default(),
                content_type: row.content_type.unwrap_or_default(),
                fields,
            },
        })
    }
}
