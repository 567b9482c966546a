//! The table `event`, and `event_head` with the highest number. Events are written by the transactions they
//! tell of, with [`tell!`] and [`Statement::tell`]; here they get their numbers and are read.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::event::{Event, EventBody, Scope, ScopedEvent, Told};
use inkstone_domain::ids::EventId;
use inkstone_domain::ports::{ChangeSignal, EventLog};
use surrealdb::types::SurrealValue;
use tokio_stream::wrappers::WatchStream;

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, parse_option, to_json, unknown_word, unreadable};
use crate::statement::Statement;
use crate::times;

const TABLE: &str = "event";

const ARTICLE_CREATED: &str = "article.created";
const ARTICLE_UPDATED: &str = "article.updated";
const ARTICLE_DELETED: &str = "article.deleted";
const ARTICLE_RESTORED: &str = "article.restored";
const ARTICLE_REMOVED: &str = "article.removed";
const JOB_SUCCEEDED: &str = "job.succeeded";
const JOB_FAILED: &str = "job.failed";
const JOB_CANCELLED: &str = "job.cancelled";

/// The part of every transaction that is told: of `$event`, which [`Statement::tell`] binds, or of another
/// row with what is known of it only there. `told_at` is the database's clock.
macro_rules! tell {
    () => {
        tell!("$event", "{}")
    };
    ($event:literal, $about:literal) => {
        concat!(
            "
    CREATE type::record('event', ",
            $event,
            ".key) CONTENT object::extend(",
            $event,
            ", object::extend(",
            $about,
            ", { told_at: time::now() })) RETURN NONE;
"
        )
    };
}
pub(crate) use tell;

/// The first events without a number, from a time on.
pub(crate) const PENDING: &str = "\
    SELECT key, told_at FROM event WITH INDEX event_number \
    WHERE number = 0 AND told_at >= $from ORDER BY told_at, key LIMIT $limit";

/// Numbers are only given where nobody else gave any since they were chosen.
const NUMBER: &str = "{
    LET $highest = SELECT VALUE number FROM ONLY event_head:log;
    IF $highest != $expected { RETURN false };
    UPDATE event_head:log SET number = $highest + array::len($keys) RETURN NONE;
    FOR $one IN $keys {
        UPDATE type::record('event', $one.key) SET number = $one.number RETURN NONE;
    };
    RETURN true;
}";

/// What is written and read; `told_at` is the database's. A kind of before there were others has columns of its own,
/// the rest is `data`.
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
    project: Option<String>,
    owner: Option<String>,
    data: Option<String>,
    /// 0 until it is given one.
    number: u64,
}

/// Events without a number, as many as were asked for, and the highest one that was given.
#[derive(SurrealValue)]
struct PendingRow {
    keys: Vec<String>,
    last: Option<DateTime<Utc>>,
    highest: u64,
    now: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct NumberRow {
    key: String,
    number: u64,
}

#[async_trait]
impl EventLog for SurrealStore {
    async fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<Event>> {
        let statement =
            Statement::new("SELECT * FROM type::record('event', $after>..) LIMIT $limit")
                .bind("after", after.map(|id| id.to_string()).unwrap_or_default())
                .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<EventRow> = self.read(statement).await?;
        let told: Vec<Told> = read_all(rows)?;
        Ok(told.into_iter().map(|told| told.event).collect())
    }

    async fn append_event(&self, event: &ScopedEvent) -> Result<()> {
        let statement = Statement::new(concat!("{", tell!(), "RETURN NONE; }"))
            .about(format!("event `{}`", event.event.id))
            .tell(event.clone())?;
        Ok(self.write(statement).await?)
    }

    async fn number_events(&self, limit: usize) -> Result<u64> {
        loop {
            let pending = Statement::new(format!(
                "{{
                    LET $now = time::now();
                    LET $rows = {PENDING};
                    RETURN {{
                        keys: $rows.map(|$row| $row.key),
                        last: $rows.last().told_at,
                        highest: (SELECT VALUE number FROM ONLY event_head:log),
                        now: $now
                    }};
                }}"
            ))
            .bind("from", self.numbered().from())
            .bind("limit", limit.min(u32::MAX as usize));
            let PendingRow {
                keys,
                last,
                highest,
                now,
            } = self.read(pending).await?;
            if keys.is_empty() {
                self.numbered().saw(None, now);
                return Ok(highest);
            }
            let count = keys.len() as u64;
            // Behind the last of a whole batch there may be more.
            let first_left = last.filter(|_| keys.len() >= limit);
            let numbered = keys.into_iter().zip(highest + 1..);
            let numbered = numbered.map(|(key, number)| NumberRow { key, number });
            let statement = Statement::new(NUMBER)
                .about("the log of events")
                .bind("expected", highest)
                .bind("keys", numbered.collect::<Vec<_>>());
            // Another engine may have been faster; then there is less to do, or nothing.
            if self.write::<bool>(statement).await? {
                // Only now: what failed to get its number is found again.
                self.numbered().saw(first_left, now);
                return Ok(highest + count);
            }
        }
    }

    async fn told_after(&self, after: u64, limit: usize) -> Result<Vec<Told>> {
        // Beyond this there is no number of the database.
        let Ok(after) = i64::try_from(after) else {
            return Ok(Vec::new());
        };
        let statement = Statement::new(
            "SELECT * FROM event WHERE number > $after ORDER BY number LIMIT $limit",
        )
        .bind("after", after)
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<EventRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn event_number(&self, id: EventId) -> Result<Option<u64>> {
        let statement = Statement::new("SELECT VALUE number FROM ONLY type::record('event', $key)")
            .bind("key", id.to_string());
        let number: Option<u64> = self.read(statement).await?;
        Ok(number.filter(|number| *number > 0))
    }

    async fn number_before(&self, at: DateTime<Utc>) -> Result<u64> {
        let statement = Statement::new(
            "{
                LET $later = SELECT number, told_at FROM event WHERE told_at >= $at
                    ORDER BY told_at LIMIT 200;
                LET $numbers = $later.map(|$row| $row.number).filter(|$number| $number > 0);
                RETURN IF array::is_empty($numbers) {
                    (SELECT VALUE number FROM ONLY event_head:log)
                } ELSE {
                    array::min($numbers) - 1
                };
            }",
        )
        .bind("at", times::since(at));
        Ok(self.read(statement).await?)
    }

    async fn forget_events(
        &self,
        before: DateTime<Utc>,
        through: u64,
        limit: usize,
    ) -> Result<u64> {
        let statement = Statement::new(
            "{
                LET $old = SELECT key, told_at FROM event
                    WHERE told_at < $before AND number > 0 AND number <= $through
                    ORDER BY told_at LIMIT $limit;
                DELETE $old.map(|$row| type::record('event', $row.key)) RETURN NONE;
                RETURN array::len($old);
            }",
        )
        .bind("before", before)
        .bind("through", through.min(i64::MAX as u64))
        .bind("limit", limit.min(u32::MAX as usize));
        Ok(self.write(statement).await?)
    }

    fn tellings(&self) -> ChangeSignal {
        Box::pin(WatchStream::from_changes(self.event_nudges()))
    }
}

impl Statement {
    /// Binds what [`tell!`] takes, and wakes those who follow events once it is written.
    pub(crate) fn tell(self, event: ScopedEvent) -> RowResult<Self> {
        Ok(self.bind("event", EventRow::of(event)?).telling())
    }
}

impl EventRow {
    pub(crate) fn of(told: ScopedEvent) -> RowResult<Self> {
        let ScopedEvent { event, scope } = told;
        let data = match is_in_columns(&event.body) {
            true => None,
            false => Some(to_json(TABLE, &event.body)?),
        };
        Ok(Self {
            project: scope.project,
            owner: scope.owner.map(|owner| owner.to_string()),
            data,
            ..Self::from(event)
        })
    }
}

/// What was told before there were other kinds. Of an article's status the columns know nothing.
fn is_in_columns(body: &EventBody) -> bool {
    match body {
        EventBody::ArticleCreated { status, .. }
        | EventBody::ArticleUpdated { status, .. }
        | EventBody::ArticleRestored { status, .. } => status.is_none(),
        EventBody::ArticleDeleted { .. }
        | EventBody::ArticleRemoved { .. }
        | EventBody::JobSucceeded { .. }
        | EventBody::JobFailed { .. }
        | EventBody::JobCancelled { .. } => true,
        _ => false,
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
            project: None,
            owner: None,
            data: None,
            number: 0,
        };
        let kind = match event.body {
            EventBody::ArticleCreated {
                article, revision, ..
            } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_CREATED
            }
            EventBody::ArticleUpdated {
                article, revision, ..
            } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_UPDATED
            }
            EventBody::ArticleDeleted { article, revision } => {
                row.article = Some(article.to_string());
                row.revision = Some(revision);
                ARTICLE_DELETED
            }
            EventBody::ArticleRestored {
                article, revision, ..
            } => {
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
            other => other.kind().as_str(),
        };
        row.kind = kind.to_owned();
        row
    }
}

impl TryFrom<EventRow> for Told {
    type Error = StoreFailure;

    fn try_from(row: EventRow) -> RowResult<Self> {
        let article = || parse(TABLE, &needed("article", row.article.clone())?);
        let job = || parse(TABLE, &needed("job", row.job.clone())?);
        let revision = || needed("revision", row.revision);
        let body = match row.kind.as_str() {
            _ if row.data.is_some() => from_json(TABLE, row.data.as_deref().unwrap_or_default())?,
            ARTICLE_CREATED => EventBody::ArticleCreated {
                article: article()?,
                revision: revision()?,
                status: None,
            },
            ARTICLE_UPDATED => EventBody::ArticleUpdated {
                article: article()?,
                revision: revision()?,
                status: None,
                was: None,
            },
            ARTICLE_DELETED => EventBody::ArticleDeleted {
                article: article()?,
                revision: revision()?,
            },
            ARTICLE_RESTORED => EventBody::ArticleRestored {
                article: article()?,
                revision: revision()?,
                status: None,
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
            number: row.number,
            event: Event {
                id: parse(TABLE, &row.key)?,
                at: row.at,
                actor: parse(TABLE, &row.actor)?,
                body,
            },
            scope: Scope {
                project: row.project,
                owner: parse_option(TABLE, row.owner)?,
            },
        })
    }
}

fn needed<T>(field: &str, value: Option<T>) -> RowResult<T> {
    value.ok_or_else(|| unreadable(TABLE, format!("`{field}` is missing")))
}

#[cfg(test)]
mod tests;
