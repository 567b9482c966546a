//! Articles and their revisions.

pub mod listing;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{ArticleId, JobId, UserId};

pub use self::listing::{ArticleFilter, ArticleSort, Facet, Span};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Draft,
    InReview,
    /// Reviewed, and not out yet.
    Approved,
    /// To be published at a time that is set.
    Scheduled,
    Published,
    Archived,
}

impl Status {
    /// In the order of an article's life.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::InReview,
        Self::Approved,
        Self::Scheduled,
        Self::Published,
        Self::Archived,
    ];

    /// The status of this name, as [`Status::as_str`] gives it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }
}

/// What an author writes; every revision keeps a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleText {
    pub title: String,
    pub summary: String,
    /// CommonMark.
    pub body: String,
    pub tags: Vec<String>,
    pub meta_description: String,
    /// BCP 47.
    pub language: String,
    pub status: Status,
    /// When it is to be published; with [`Status::Scheduled`] and only then.
    #[serde(default)]
    pub publish_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    pub extras: Extras,
}

/// What an article may have beside its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extras {
    pub categories: Vec<String>,
    /// Names of people, or `usr_…`.
    pub authors: Vec<String>,
    /// An address, or the id of a medium; empty for none.
    pub cover: String,
    /// What search engines show instead of the title; empty for none.
    pub meta_title: String,
    /// Where the text is at home, if elsewhere; empty for none.
    pub canonical_url: String,
    /// Search engines are asked to leave it out.
    pub no_index: bool,
    /// The name of a content type; empty for none.
    pub content_type: String,
    /// As the content type's schema wants them.
    pub fields: Map<String, Value>,
}

/// A kind of article with fields of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentType {
    /// `[a-z0-9-]+`; unique.
    pub name: String,
    pub title: String,
    /// A JSON Schema of the object `fields`.
    pub schema: Value,
    /// 1 at creation, one more with every change.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    pub id: ArticleId,
    /// `[a-z0-9-]+`; `default` where none is named.
    pub project: String,
    pub owner: UserId,
    /// `[a-z0-9-]+`, from the title; no other article of the project and language has or had it.
    pub slug: String,
    pub text: ArticleText,
    /// 1 at creation, one more with every change.
    pub revision: u64,
    /// The job that wrote it, if one did.
    pub job: Option<JobId>,
    /// The article it is a translation of; never one that is a translation itself.
    pub translation_of: Option<ArticleId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Since when it has been in the trash, if it is.
    pub trashed_at: Option<DateTime<Utc>>,
}

/// What made a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Cause {
    Person,
    Job { job: JobId, plugin: String },
}

/// An article on the agenda of those that are published at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub article: ArticleId,
    pub at: DateTime<Utc>,
    /// In whose name: who scheduled it.
    pub by: UserId,
}

/// A publication in the hands of an engine. `fence` rises with every claim and every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedPublication {
    pub publication: Publication,
    pub fence: u64,
    /// When it was due: the time of the publication, or what it was put off to.
    pub due_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub article: ArticleId,
    pub revision: u64,
    pub author: UserId,
    pub cause: Cause,
    /// What its author said about it.
    pub comment: Option<String>,
    pub text: ArticleText,
    pub created_at: DateTime<Utc>,
}

/// Which version of an article is the newest: what a follower needs to know before it reads the article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleStamp {
    pub id: ArticleId,
    pub revision: u64,
    pub deleted: bool,
    /// By the database's clock.
    pub changed_at: DateTime<Utc>,
}

/// One page of a list, newest first. The cursor stands for a place in the list that writes do not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to 100.
    pub limit: usize,
    pub cursor: Option<String>,
}
