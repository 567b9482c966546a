//! An article as it travels: every field may be missing, and what is missing stays as it is where the
//! article is there already. All formats read into this and write from it.

use chrono::{DateTime, Utc};
use inkstone_domain::content::{Article, ArticleText, Cause, Extras, Revision, Status};
use inkstone_domain::ids::{ArticleId, JobId, UserId};
use inkstone_domain::provenance::Provenance;
use inkstone_domain::transfer::FormerSlug;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One article, without its past.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArticleRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ArticleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Addresses it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_slugs: Option<Vec<FormerSlug>>,
    /// BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The article it is a translation of, which comes before it in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation_of: Option<ArticleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// With the status `scheduled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_index: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Map<String, Value>>,
    /// Whose it was where it comes from; kept where an admin imports and they are here, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// The job that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    /// CommonMark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A revision as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionRecord {
    pub revision: u64,
    pub author: UserId,
    pub cause: Cause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    pub text: ArticleText,
    pub created_at: DateTime<Utc>,
}

/// An article with all that belongs to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArticlePiece {
    pub record: ArticleRecord,
    /// All revisions, the newest too, oldest first; none where the format does not carry them.
    pub revisions: Vec<RevisionRecord>,
    pub provenance: Option<Provenance>,
}

impl ArticleRecord {
    /// Every field of an article.
    pub fn of(article: Article, former_slugs: Vec<FormerSlug>) -> Self {
        let Article {
            id,
            project: _,
            owner,
            slug,
            text,
            revision,
            job,
            translation_of,
            created_at,
            updated_at,
            trashed_at: _,
        } = article;
        let Extras {
            categories,
            authors,
            cover,
            meta_title,
            canonical_url,
            no_index,
            content_type,
            fields,
        } = text.extras;
        Self {
            id: Some(id),
            title: Some(text.title),
            slug: Some(slug),
            former_slugs: Some(former_slugs),
            language: Some(text.language),
            translation_of,
            status: Some(text.status),
            publish_at: text.publish_at,
            summary: Some(text.summary),
            tags: Some(text.tags),
            categories: Some(categories),
            authors: Some(authors),
            cover: Some(cover),
            meta_title: Some(meta_title),
            meta_description: Some(text.meta_description),
            canonical_url: Some(canonical_url),
            no_index: Some(no_index),
            content_type: Some(content_type),
            fields: Some(fields),
            owner: Some(owner),
            job,
            revision: Some(revision),
            created_at: Some(created_at),
            updated_at: Some(updated_at),
            body: Some(text.body),
        }
    }

    /// Without fields that say nothing: for formats that people read.
    pub fn without_empty(self) -> Self {
        let text = |value: Option<String>| value.filter(|text| !text.is_empty());
        Self {
            former_slugs: self.former_slugs.filter(|list| !list.is_empty()),
            summary: text(self.summary),
            tags: self.tags.filter(|list| !list.is_empty()),
            categories: self.categories.filter(|list| !list.is_empty()),
            authors: self.authors.filter(|list| !list.is_empty()),
            cover: text(self.cover),
            meta_title: text(self.meta_title),
            meta_description: text(self.meta_description),
            canonical_url: text(self.canonical_url),
            no_index: self.no_index.filter(|no_index| *no_index),
            content_type: text(self.content_type),
            fields: self.fields.filter(|fields| !fields.is_empty()),
            ..self
        }
    }

    /// Puts what the record says into a text; what it does not say stays.
    pub fn apply(&self, text: &mut ArticleText) {
        set(&mut text.title, &self.title);
        set(&mut text.summary, &self.summary);
        set(&mut text.body, &self.body);
        set(&mut text.tags, &self.tags);
        set(&mut text.meta_description, &self.meta_description);
        set(&mut text.language, &self.language);
        if let Some(status) = self.status {
            text.status = status;
            text.publish_at = self.publish_at.filter(|_| status == Status::Scheduled);
        }
        let extras = &mut text.extras;
        set(&mut extras.categories, &self.categories);
        set(&mut extras.authors, &self.authors);
        set(&mut extras.cover, &self.cover);
        set(&mut extras.meta_title, &self.meta_title);
        set(&mut extras.canonical_url, &self.canonical_url);
        set(&mut extras.no_index, &self.no_index);
        set(&mut extras.content_type, &self.content_type);
        set(&mut extras.fields, &self.fields);
    }
}

impl From<Revision> for RevisionRecord {
    fn from(revision: Revision) -> Self {
        Self {
            revision: revision.revision,
            author: revision.author,
            cause: revision.cause,
            comment: revision.comment,
            text: revision.text,
            created_at: revision.created_at,
        }
    }
}

fn set<T: Clone>(place: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}
