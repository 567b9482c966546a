//! What happened, written in the transaction of the change it tells of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{ArticleId, EventId, JobId, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum EventBody {
    #[serde(rename = "article.created")]
    ArticleCreated { article: ArticleId, revision: u64 },
    #[serde(rename = "article.updated")]
    ArticleUpdated { article: ArticleId, revision: u64 },
    #[serde(rename = "article.deleted")]
    ArticleDeleted { article: ArticleId, revision: u64 },
    /// It is back from the trash.
    #[serde(rename = "article.restored")]
    ArticleRestored { article: ArticleId, revision: u64 },
    /// It is gone for good, with its revisions.
    #[serde(rename = "article.removed")]
    ArticleRemoved { article: ArticleId, revision: u64 },
    #[serde(rename = "job.succeeded")]
    JobSucceeded {
        job: JobId,
        /// What it made, where that is an article.
        article: Option<ArticleId>,
    },
    #[serde(rename = "job.failed")]
    JobFailed { job: JobId, code: String },
    #[serde(rename = "job.cancelled")]
    JobCancelled { job: JobId },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    pub at: DateTime<Utc>,
    /// Who caused it.
    pub actor: UserId,
    pub body: EventBody,
}
