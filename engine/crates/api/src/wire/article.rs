//! Articles and their revisions.

use chrono::{DateTime, Utc};
use inkstone_domain::content::{Article, Cause, Revision, Status};
use inkstone_domain::ids::{ArticleId, JobId, UserId};
use inkstone_services::content::{ArticlePatch, NewArticle, Transition};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub title: String,
    /// CommonMark.
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub summary: String,
    #[serde(default)]
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
}

/// What to change of an article; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArticlePatchBody {
    #[serde(default)]
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
    /// 1 at creation, one more with every change; the `etag` is this number in quotes.
    pub revision: u64,
    /// The job that wrote it, if one did.
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
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
    pub revision: u64,
    /// The job that wrote it, if one did.
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
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
            revision: article.revision,
            job: article.job,
            created_at: article.created_at,
            updated_at: article.updated_at,
            trashed_at: article.trashed_at,
            html: None,
            toc: None,
            stats: None,
        }
    }
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
            revision: article.revision,
            job: article.job,
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
            created_at: revision.created_at,
        }
    }
}
