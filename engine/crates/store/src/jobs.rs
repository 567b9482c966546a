//! The tables `job` and `job_checkpoint`: the queue. Every fenced call checks the fence inside its own
//! transaction and writes the job's row, so a claim at the same time is a conflict, not a race.

mod row;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::{Event, ScopedEvent};
use inkstone_domain::ids::{JobId, UserId};
use inkstone_domain::job::{Checkpoint, ClaimedJob, Job, JobError, JobStatus, Progress};
use inkstone_domain::ports::{DraftCommit, JobStore, NewJob};
use serde_json::Value;

use self::row::{CheckpointRow, ClaimRow, JobRow};
use crate::articles::{CREATE_ARTICLE, REPLACE_ARTICLE, bind_write, read_all};
use crate::audit::{APPEND_AUDIT, bind_audit};
use crate::connection::SurrealStore;
use crate::events::{EventRow, tell};
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::provenance::{CREATE_PROVENANCE, ProvenanceRow};
use crate::statement::Statement;

/// First part of every fenced transaction. It takes `$job_key` and `$fence` and gives `$held`.
const HOLD: &str = "
    LET $held = SELECT status, fence, cancel_requested, project, owner FROM ONLY type::record('job', $job_key);
    IF $held = NONE { THROW 'refused:not_found' };
    IF $held.status != 'running' OR $held.fence != $fence { THROW 'refused:lease_lost' };
";
/// Last part of the transactions that end a job. It takes `$ending` and `$job_event`.
const END: &str = concat!(
    "
    UPDATE type::record('job', $job_key) SET
        status = $ending.status,
        error_code = $ending.error_code,
        error_message = $ending.error_message,
        article = $ending.article,
        result = $ending.result,
        finished_at = $job_event.at,
        worker = NONE,
        lease_until = NONE
        RETURN NONE;
    DELETE type::record('job_checkpoint', $job_key);
",
    tell!(
        "$job_event",
        "{ project: $held.project, owner: $held.owner }"
    )
);
const SUBMIT: &str = concat!(
    "{
    LET $stored = CREATE ONLY type::record('job', $job.key) CONTENT $job;
    ",
    tell!(),
    "
    RETURN $stored;
}"
);
const CLAIM: &str = "{
    LET $queued = (SELECT id, key, enqueued_at FROM job
        WHERE status = 'queued' ORDER BY enqueued_at, key LIMIT 1)[0];
    LET $abandoned = (SELECT id, key, enqueued_at FROM job
        WHERE status = 'running' AND lease_until <= $now ORDER BY enqueued_at, key LIMIT 1)[0];
    LET $next = IF $queued = NONE { $abandoned }
        ELSE IF $abandoned = NONE { $queued }
        ELSE IF [$abandoned.enqueued_at, $abandoned.key] < [$queued.enqueued_at, $queued.key] { $abandoned }
        ELSE { $queued };
    IF $next = NONE { RETURN NONE };
    LET $job = UPDATE ONLY $next.id SET
        status = 'running',
        attempts += 1,
        fence += 1,
        worker = $worker,
        lease_until = $lease_until,
        started_at = started_at ?? $now
        RETURN AFTER;
    LET $checkpoint = SELECT * FROM ONLY type::record('job_checkpoint', $next.key);
    RETURN { job: $job, checkpoint: $checkpoint };
}";
const REQUEST_CANCEL: &str = concat!(
    "{
    LET $job = SELECT status, project, owner FROM ONLY type::record('job', $job_key);
    IF $job = NONE { THROW 'refused:not_found' };
    IF $job.status = 'queued' {
        DELETE type::record('job_checkpoint', $job_key);
",
    tell!("$job_event", "{ project: $job.project, owner: $job.owner }"),
    "
        RETURN UPDATE ONLY type::record('job', $job_key)
            SET status = 'cancelled', cancel_requested = true, finished_at = $job_event.at;
    };
    IF $job.status = 'running' {
        RETURN UPDATE ONLY type::record('job', $job_key) SET cancel_requested = true;
    };
    THROW 'refused:job_ended:' + $job.status;
}"
);

#[async_trait]
impl JobStore for SurrealStore {
    async fn submit(&self, job: NewJob) -> Result<Job> {
        let row = JobRow::queued(&job)?;
        let told = ScopedEvent::job_queued(job.id, job.owner, &job.task, job.enqueued_at);
        let statement = Statement::new(SUBMIT)
            .about(subject(job.id))
            .bind("job", row)
            .tell(told)?;
        let stored: JobRow = self.write(statement).await?;
        Ok(Job::try_from(stored)?)
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('job', $job_key)")
            .bind("job_key", id.to_string());
        let row: Option<JobRow> = self.read(statement).await?;
        Ok(row.map(Job::try_from).transpose()?)
    }

    async fn list_jobs(&self, owner: Option<UserId>, page: PageRequest) -> Result<Page<Job>> {
        let place: Place<JobId> = Place::of(&page)?;
        let text = match (owner, place.before) {
            (None, None) => "SELECT * FROM job ORDER BY key DESC LIMIT $rows",
            (None, Some(_)) => {
                "SELECT * FROM job WHERE key < $before ORDER BY key DESC LIMIT $rows"
            }
            (Some(_), None) => {
                "SELECT * FROM job WHERE owner = $owner ORDER BY key DESC LIMIT $rows"
            }
            (Some(_), Some(_)) => {
                "SELECT * FROM job WHERE owner = $owner AND key < $before \
                 ORDER BY key DESC LIMIT $rows"
            }
        };
        let statement = Statement::new(text)
            .bind("owner", owner.map(|owner| owner.to_string()))
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<JobRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |job: &Job| job.id))
    }

    async fn claim(
        &self,
        worker: &str,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedJob>> {
        let statement = Statement::new(CLAIM)
            .about("queue")
            .bind("worker", worker)
            .bind("now", now)
            .bind("lease_until", now + lease);
        let claimed: Option<ClaimRow> = self.write(statement).await?;
        Ok(claimed.map(ClaimedJob::try_from).transpose()?)
    }

    async fn heartbeat(
        &self,
        id: JobId,
        fence: u64,
        lease: Duration,
        progress: &Progress,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        const PROLONG: &str = "
            UPDATE type::record('job', $job_key)
                SET lease_until = $lease_until, step = $step, done = $done, total = $total
                RETURN NONE;
            RETURN $held.cancel_requested;
        ";
        let statement = fenced(id, fence, &[PROLONG])
            .bind("lease_until", now + lease)
            .bind("step", progress.step.as_str())
            .bind("done", progress.done)
            .bind("total", progress.total);
        Ok(self.write(statement).await?)
    }

    async fn save_checkpoint(&self, id: JobId, fence: u64, checkpoint: &Checkpoint) -> Result<()> {
        const SAVE: &str = "
            UPDATE type::record('job', $job_key) SET checkpointed_at = time::now() RETURN NONE;
            UPSERT type::record('job_checkpoint', $job_key) CONTENT $checkpoint RETURN NONE;
            RETURN NONE;
        ";
        let statement =
            fenced(id, fence, &[SAVE]).bind("checkpoint", CheckpointRow::of(checkpoint)?);
        Ok(self.write(statement).await?)
    }

    async fn release(&self, id: JobId, fence: u64) -> Result<()> {
        const RELEASE: &str = "
            UPDATE type::record('job', $job_key)
                SET status = 'queued', worker = NONE, lease_until = NONE RETURN NONE;
            RETURN NONE;
        ";
        Ok(self.write(fenced(id, fence, &[RELEASE])).await?)
    }

    async fn succeed(&self, id: JobId, fence: u64, commit: DraftCommit) -> Result<()> {
        let DraftCommit {
            write,
            provenance,
            event,
        } = commit;
        let article = write.article.id.to_string();
        let store_article = match write.article.revision {
            1 => CREATE_ARTICLE,
            _ => REPLACE_ARTICLE,
        };
        let append = write.audit.as_ref().map_or("", |_| APPEND_AUDIT);
        let parts = [
            store_article,
            CREATE_PROVENANCE,
            END,
            append,
            "RETURN NONE;",
        ];
        let mut statement =
            fenced(id, fence, &parts).bind("provenance", ProvenanceRow::of(&provenance)?);
        if let Some(audit) = &write.audit {
            statement = bind_audit(statement, audit);
        }
        let ending = row::Ending {
            article: Some(article),
            ..row::Ending::of(JobStatus::Succeeded)
        };
        let statement = bind_end(bind_write(statement, write)?, ending, event);
        self.write::<()>(statement).await?;
        self.nudge();
        Ok(())
    }

    async fn finish(&self, id: JobId, fence: u64, result: &Value, event: Event) -> Result<()> {
        let ending = row::Ending {
            result: Some(row::result_text(result)?),
            ..row::Ending::of(JobStatus::Succeeded)
        };
        Ok(self.end(id, fence, ending, event).await?)
    }

    async fn fail(&self, id: JobId, fence: u64, error: &JobError, event: Event) -> Result<()> {
        let ending = row::Ending {
            error_code: Some(error.code.clone()),
            error_message: Some(error.message.clone()),
            ..row::Ending::of(JobStatus::Failed)
        };
        Ok(self.end(id, fence, ending, event).await?)
    }

    async fn request_cancel(&self, id: JobId, event: Event) -> Result<Job> {
        let statement = Statement::new(REQUEST_CANCEL)
            .about(subject(id))
            .bind("job_key", id.to_string())
            .bind("job_event", EventRow::from(event))
            .telling();
        let row: JobRow = self.write(statement).await?;
        Ok(Job::try_from(row)?)
    }

    async fn cancelled(&self, id: JobId, fence: u64, event: Event) -> Result<()> {
        let ending = row::Ending::of(JobStatus::Cancelled);
        Ok(self.end(id, fence, ending, event).await?)
    }
}

impl SurrealStore {
    async fn end(
        &self,
        id: JobId,
        fence: u64,
        ending: row::Ending,
        event: Event,
    ) -> Result<(), StoreFailure> {
        let statement = fenced(id, fence, &[END, "RETURN NONE;"]);
        self.write(bind_end(statement, ending, event)).await
    }
}

/// The transaction of these parts, if the fence still stands.
fn fenced(id: JobId, fence: u64, parts: &[&str]) -> Statement {
    Statement::new(format!("{{ {HOLD} {} }}", parts.concat()))
        .about(subject(id))
        .bind("job_key", id.to_string())
        .bind("fence", fence)
}

fn bind_end(statement: Statement, ending: row::Ending, event: Event) -> Statement {
    statement
        .bind("ending", ending)
        .bind("job_event", EventRow::from(event))
        .telling()
}

fn subject(id: JobId) -> String {
    format!("job `{id}`")
}
