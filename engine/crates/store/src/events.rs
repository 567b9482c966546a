//! The table `event`. Events are written by the transactions they tell of; here they are read.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::ids::EventId;
use inkstone_domain::ports::EventLog;
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unknown_word, unreadable};
use crate::statement::Statement;

const TABLE: &str = "event";

const ARTICLE_CREATED: &str = "article.created";
const ARTICLE_UPDATED: &str = "article.updated";
const ARTICLE_DELETED: &str = "article.deleted";
const ARTICLE_RESTORED: &str = "article.restored";
const ARTICLE_REMOVED: &str = "article.removed";
const JOB_SUCCEEDED: &str = "job.succeeded";
const JOB_FAILED: &str = "job.failed";
const JOB_CANCELLED: &str = "job.cancelled";

#[derive(SurrealValue)]
pub(crate) struct EventRow {
    key: String,
    at: DateTime<Utc>,
    actor: String,
    kind: String,
    article: Option<String>,
    revision: Option<u64>,
    job: Option<String>,
    code: Option<String>,
}

#[async_trait]
impl EventLog for SurrealStore {
    async fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<Event>> {
        let statement =
            Statement::new("SELECT * FROM event WHERE key > $after ORDER BY key LIMIT $limit")
                .bind("after", after.map(|id| id.to_string()).unwrap_or_default())
                .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<EventRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

impl From<Event> for EventRow {
    fn from(event: Event) -> Self {
        let mut row = Self {
            key: event.id.to_string(),
            at: event.at,
            actor: event.actor.to_string(),
            kind: String::new(),
            article: None,
            revision: None,
            job: None,
            code: None,
        };
        let kind = match event.body {
            EventBody::ArticleCreated { article, revision } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_CREATED
            }
            EventBody::ArticleUpdated { article, revision } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_UPDATED
            }
            EventBody::ArticleDeleted { article, revision } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_DELETED
            }
            EventBody::ArticleRestored { article, revision } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_RESTORED
            }
            EventBody::ArticleRemoved { article, revision } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_REMOVED
            }
            EventBody::JobSucceeded { job, article } => {
                row.job = Some(job.to_string());
                row.article = article.map(|article| article.to_string());
                JOB_SUCCEEDED
            }
            EventBody::JobFailed { job, code } => {
                row.job = Some(job.to_string());
                row.code = Some(code);
                JOB_FAILED
            }
            EventBody::JobCancelled { job } => {
                row.job = Some(job.to_string());
                JOB_CANCELLED
            }
        };
        row.kind = kind.to_owned();
        row
    }
}

impl TryFrom<EventRow> for Event {
    type Error = StoreFailure;

    fn try_from(row: EventRow) -> RowResult<Self> {
        let article = || parse(TABLE, &needed("article", row.article.clone())?);
        let job = || parse(TABLE, &needed("job", row.job.clone())?);
        let revision = || needed("revision", row.revision);
        let body = match row.kind.as_str() {
            ARTICLE_CREATED => EventBody::ArticleCreated {
                article: article()?,
                revision: revision()?,
            },
            ARTICLE_UPDATED => EventBody::ArticleUpdated {
                article: article()?,
                revision: revision()?,
            },
            ARTICLE_DELETED => EventBody::ArticleDeleted {
                article: article()?,
                revision: revision()?,
            },
            ARTICLE_RESTORED => EventBody::ArticleRestored {
                article: article()?,
                revision: revision()?,
            },
            ARTICLE_REMOVED => EventBody::ArticleRemoved {
                article: article()?,
                revision: revision()?,
            },
            JOB_SUCCEEDED => EventBody::JobSucceeded {
                job: job()?,
                article: parse_option(TABLE, row.article.clone())?,
            },
            JOB_FAILED => EventBody::JobFailed {
                job: job()?,
                code: needed("code", row.code.clone())?,
            },
            JOB_CANCELLED => EventBody::JobCancelled { job: job()? },
            other => return Err(unknown_word(TABLE, "kind", other)),
        };
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            at: row.at,
            actor: parse(TABLE, &row.actor)?,
            body,
        })
    }
}

fn needed<T>(field: &str, value: Option<T>) -> RowResult<T> {
    value.ok_or_else(|| unreadable(TABLE, format!("`{field}` is missing")))
}
