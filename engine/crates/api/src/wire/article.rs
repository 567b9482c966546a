//! Articles and their revisions.

use chrono::{DateTime, Utc};
use inkstone_domain::content::{Article, Cause, Extras, Revision, Status};
use inkstone_domain::ids::{ArticleId, JobId, UserId};
use inkstone_services::content::{ArticlePatch, ExtrasPatch, NewArticle, Transition};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::cover::CoverReply;
use super::markdown::{HeadingReply, StatsReply};

/// How far an article is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusWord {
    Draft,
    InReview,
    Approved,
    Scheduled,
    Published,
    Archived,
}

/// A new article.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewArticleBody {
    #[schema(example = "Tides", min_length = 1, max_length = 300)]
    pub title: String,
    /// CommonMark.
    #[serde(default)]
    #[schema(example = "The moon *pulls*.")]
    pub body: String,
    #[serde(default)]
    pub summary: String,
    #[serde(default)]
    #[schema(example = json!(["sea"]))]
    pub tags: Vec<String>,
    #[serde(default)]
    pub meta_description: String,
    /// BCP 47; `en` where it is left out.
    #[serde(default)]
    pub language: Option<String>,
    /// `draft` where it is left out.
    #[serde(default)]
    pub status: Option<StatusWord>,
    /// With the status `scheduled`, in the future.
    #[serde(default)]
    pub publish_at: Option<DateTime<Utc>>,
    /// `[a-z0-9-]+`; `default` where it is left out.
    #[serde(default)]
    pub project: Option<String>,
    /// `[a-z0-9-]+`; made from the title where it is left out.
    #[serde(default)]
    pub slug: Option<String>,
    /// An article of yours in the same project, or a translation of it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub translation_of: Option<ArticleId>,
    #[serde(default)]
    pub categories: Vec<String>,
    /// Names of people, or `usr_…`.
    #[serde(default)]
    pub authors: Vec<String>,
    /// An address, or the id of a medium.
    #[serde(default)]
    pub cover: String,
    /// What search engines show instead of the title.
    #[serde(default)]
    pub meta_title: String,
    /// Where the text is at home, if elsewhere.
    #[serde(default)]
    pub canonical_url: String,
    /// Search engines are asked to leave it out.
    #[serde(default)]
    pub no_index: bool,
    /// The name of a content type.
    #[serde(default)]
    pub content_type: String,
    /// As the content type's schema wants them.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

/// What to change of an article; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArticlePatchBody {
    #[serde(default)]
    #[schema(example = "Tides, again")]
    pub title: Option<String>,
    /// CommonMark.
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub summary: Option<String>,
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    #[serde(default)]
    pub meta_description: Option<String>,
    /// BCP 47.
    #[serde(default)]
    pub language: Option<String>,
    /// Only where a transition could take it.
    #[serde(default)]
    pub status: Option<StatusWord>,
    /// With the status `scheduled`, in the future; another status takes it away.
    #[serde(default)]
    pub publish_at: Option<DateTime<Utc>>,
    /// `[a-z0-9-]+`.
    #[serde(default)]
    pub slug: Option<String>,
    #[serde(default)]
    pub categories: Option<Vec<String>>,
    /// Names of people, or `usr_…`.
    #[serde(default)]
    pub authors: Option<Vec<String>>,
    /// An address, or the id of a medium; empty takes it away.
    #[serde(default)]
    pub cover: Option<String>,
    /// What search engines show instead of the title.
    #[serde(default)]
    pub meta_title: Option<String>,
    /// Where the text is at home, if elsewhere; empty takes it away.
    #[serde(default)]
    pub canonical_url: Option<String>,
    /// Search engines are asked to leave it out.
    #[serde(default)]
    pub no_index: Option<bool>,
    /// The name of a content type; empty takes it away.
    #[serde(default)]
    pub content_type: Option<String>,
    /// As the content type's schema wants them: all of them, what is left out is gone.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
}

/// A step of an article's life.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransitionBody {
    pub to: StatusWord,
    /// When it is to be published; with `scheduled`, in the future.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// Kept with the revision.
    #[serde(default)]
    pub comment: Option<String>,
}

/// An article.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArticleReply {
    #[schema(value_type = String, example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ArticleId,
    pub project: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub owner: UserId,
    pub slug: String,
    pub title: String,
    pub summary: String,
    /// CommonMark.
    pub body: String,
    pub tags: Vec<String>,
    pub meta_description: String,
    /// BCP 47.
    pub language: String,
    pub status: StatusWord,
    /// With the status `scheduled`.
    pub publish_at: Option<DateTime<Utc>>,
    pub categories: Vec<String>,
    /// Names of people, or `usr_…`.
    pub authors: Vec<String>,
    /// An address, or the id of a medium; empty for none.
    pub cover: String,
    /// What search engines show instead of the title.
    pub meta_title: String,
    /// Where the text is at home, if elsewhere; empty for none.
    pub canonical_url: String,
    /// Search engines are asked to leave it out.
    pub no_index: bool,
    /// The name of a content type; empty for none.
    pub content_type: String,
    /// As the content type's schema wants them.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// 1 at creation, one more with every change; the `etag` is this number in quotes.
    pub revision: u64,
    /// The job that wrote it, if one did.
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
    /// The article it is a translation of.
    #[schema(value_type = Option<String>)]
    pub translation_of: Option<ArticleId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Since when it has been in the trash, if it is.
    pub trashed_at: Option<DateTime<Utc>>,
    /// The body as sanitised HTML; with `?include=html`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The headings of the body; with `?include=toc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toc: Option<Vec<HeadingReply>>,
    /// With `?include=stats`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<StatsReply>,
    /// The cover where it is a medium; with `?include=cover`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_media: Option<CoverReply>,
}

/// An article in a list: all but its body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArticleItemReply {
    #[schema(value_type = String, example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ArticleId,
    pub project: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub owner: UserId,
    pub slug: String,
    pub title: String,
    pub summary: String,
    pub tags: Vec<String>,
    pub meta_description: String,
    /// BCP 47.
    pub language: String,
    pub status: StatusWord,
    /// With the status `scheduled`.
    pub publish_at: Option<DateTime<Utc>>,
    pub categories: Vec<String>,
    /// Names of people, or `usr_…`.
    pub authors: Vec<String>,
    /// An address, or the id of a medium; empty for none.
    pub cover: String,
    /// What search engines show instead of the title.
    pub meta_title: String,
    /// Where the text is at home, if elsewhere; empty for none.
    pub canonical_url: String,
    /// Search engines are asked to leave it out.
    pub no_index: bool,
    /// The name of a content type; empty for none.
    pub content_type: String,
    /// As the content type's schema wants them.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    pub revision: u64,
    /// The job that wrote it, if one did.
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
    /// The article it is a translation of.
    #[schema(value_type = Option<String>)]
    pub translation_of: Option<ArticleId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Since when it has been in the trash, if it is.
    pub trashed_at: Option<DateTime<Utc>>,
}

/// An earlier or the present state of an article.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevisionReply {
    #[schema(value_type = String)]
    pub article: ArticleId,
    pub revision: u64,
    /// Who made it.
    #[schema(value_type = String)]
    pub author: UserId,
    pub cause: CauseReply,
    /// What its author said about it.
    pub comment: Option<String>,
    pub title: String,
    pub summary: String,
    /// CommonMark.
    pub body: String,
    pub tags: Vec<String>,
    pub meta_description: String,
    /// BCP 47.
    pub language: String,
    pub status: StatusWord,
    /// With the status `scheduled`.
    pub publish_at: Option<DateTime<Utc>>,
    pub categories: Vec<String>,
    /// Names of people, or `usr_…`.
    pub authors: Vec<String>,
    /// An address, or the id of a medium; empty for none.
    pub cover: String,
    /// What search engines show instead of the title.
    pub meta_title: String,
    /// Where the text is at home, if elsewhere; empty for none.
    pub canonical_url: String,
    /// Search engines are asked to leave it out.
    pub no_index: bool,
    /// The name of a content type; empty for none.
    pub content_type: String,
    /// As the content type's schema wants them.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    pub created_at: DateTime<Utc>,
}

/// What made a revision.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub(crate) enum CauseReply {
    Person,
    Job {
        #[schema(value_type = String)]
        job: JobId,
        plugin: String,
    },
}

impl From<StatusWord> for Status {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Draft => Self::Draft,
            StatusWord::InReview => Self::InReview,
            StatusWord::Approved => Self::Approved,
            StatusWord::Scheduled => Self::Scheduled,
            StatusWord::Published => Self::Published,
            StatusWord::Archived => Self::Archived,
        }
    }
}

impl From<Status> for StatusWord {
    fn from(status: Status) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::InReview => Self::InReview,
            Status::Approved => Self::Approved,
            Status::Scheduled => Self::Scheduled,
            Status::Published => Self::Published,
            Status::Archived => Self::Archived,
        }
    }
}

impl From<NewArticleBody> for NewArticle {
    fn from(body: NewArticleBody) -> Self {
        Self {
            project: body.project,
            slug: body.slug,
            title: body.title,
            summary: body.summary,
            body: body.body,
            tags: body.tags,
            meta_description: body.meta_description,
            language: body.language,
            status: body.status.map(Status::from).unwrap_or_default(),
            publish_at: body.publish_at,
            translation_of: body.translation_of,
            extras: Extras {
                categories: body.categories,
                authors: body.authors,
                cover: body.cover,
                meta_title: body.meta_title,
                canonical_url: body.canonical_url,
                no_index: body.no_index,
                content_type: body.content_type,
                fields: body.fields,
            },
        }
    }
}

impl From<ArticlePatchBody> for ArticlePatch {
    fn from(body: ArticlePatchBody) -> Self {
        Self {
            slug: body.slug,
            title: body.title,
            summary: body.summary,
            body: body.body,
            tags: body.tags,
            meta_description: body.meta_description,
            language: body.language,
            status: body.status.map(Status::from),
            publish_at: body.publish_at,
            extras: ExtrasPatch {
                categories: body.categories,
                authors: body.authors,
                cover: body.cover,
                meta_title: body.meta_title,
                canonical_url: body.canonical_url,
                no_index: body.no_index,
                content_type: body.content_type,
                fields: body.fields,
            },
        }
    }
}

impl From<TransitionBody> for Transition {
    fn from(body: TransitionBody) -> Self {
        Self {
            to: body.to.into(),
            at: body.at,
            comment: body.comment,
        }
    }
}

impl From<Article> for ArticleReply {
    fn from(article: Article) -> Self {
        let text = article.text;
        Self {
            id: article.id,
            project: article.project,
            owner: article.owner,
            slug: article.slug,
            title: text.title,
            summary: text.summary,
            body: text.body,
            tags: text.tags,
            meta_description: text.meta_description,
            language: text.language,
            status: text.status.into(),
            publish_at: text.publish_at,
            categories: text.extras.categories,
            authors: text.extras.authors,
            cover: text.extras.cover,
            meta_title: text.extras.meta_title,
            canonical_url: text.extras.canonical_url,
            no_index: text.extras.no_index,
            content_type: text.extras.content_type,
            fields: text.extras.fields,
            revision: article.revision,
            job: article.job,
            translation_of: article.translation_of,
            created_at: article.created_at,
            updated_at: article.updated_at,
            trashed_at: article.trashed_at,
            html: None,
            toc: None,
            stats: None,
            cover_media: None,
        }
    }
}

impl ArticleItemReply {
    /// What `fields=` knows.
    pub(crate) const FIELDS: &[&str] = &[
        "id",
        "project",
        "owner",
        "slug",
        "title",
        "summary",
        "tags",
        "meta_description",
        "language",
        "status",
        "publish_at",
        "categories",
        "authors",
        "cover",
        "meta_title",
        "canonical_url",
        "no_index",
        "content_type",
        "fields",
        "revision",
        "job",
        "translation_of",
        "created_at",
        "updated_at",
        "trashed_at",
    ];
}

impl From<Article> for ArticleItemReply {
    fn from(article: Article) -> Self {
        let text = article.text;
        Self {
            id: article.id,
            project: article.project,
            owner: article.owner,
            slug: article.slug,
            title: text.title,
            summary: text.summary,
            tags: text.tags,
            meta_description: text.meta_description,
            language: text.language,
            status: text.status.into(),
            publish_at: text.publish_at,
            categories: text.extras.categories,
            authors: text.extras.authors,
            cover: text.extras.cover,
            meta_title: text.extras.meta_title,
            canonical_url: text.extras.canonical_url,
            no_index: text.extras.no_index,
            content_type: text.extras.content_type,
            fields: text.extras.fields,
            revision: article.revision,
            job: article.job,
            translation_of: article.translation_of,
            created_at: article.created_at,
            updated_at: article.updated_at,
            trashed_at: article.trashed_at,
        }
    }
}

impl From<Revision> for RevisionReply {
    fn from(revision: Revision) -> Self {
        let text = revision.text;
        Self {
            article: revision.article,
            revision: revision.revision,
            author: revision.author,
            cause: match revision.cause {
                Cause::Person => CauseReply::Person,
                Cause::Job { job, plugin } => CauseReply::Job { job, plugin },
            },
            comment: revision.comment,
            title: text.title,
            summary: text.summary,
            body: text.body,
            tags: text.tags,
            meta_description: text.meta_description,
            language: text.language,
            status: text.status.into(),
            publish_at: text.publish_at,
            categories: text.extras.categories,
            authors: text.extras.authors,
            cover: text.extras.cover,
            meta_title: text.extras.meta_title,
            canonical_url: text.extras.canonical_url,
            no_index: text.extras.no_index,
            content_type: text.extras.content_type,
            fields: text.extras.fields,
            created_at: revision.created_at,
        }
    }
}
