//! The tables `job`, `job_checkpoint` and `job_log`: the queue. Every fenced call checks the fence inside its own
//! transaction and writes the job's row, so a claim at the same time is a conflict, not a race. Whose turn it
//! is, is in `claim`; what follows from the ends of jobs, in `ends`.

mod claim;
mod ends;
mod known;
mod list;
mod row;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::{Event, ScopedEvent};
use inkstone_domain::ids::{BatchId, JobId};
use inkstone_domain::job::{
    Checkpoint, ClaimedJob, Job, JobBatch, JobError, JobFilter, JobLimits, JobStatus,
    KEPT_LOG_LINES, LogLine, Progress,
};
use inkstone_domain::ports::{DraftCommit, JobStore, NewBatch, NewJob};
use serde_json::Value;
use surrealdb::types::SurrealValue;

pub(crate) use self::known::Known;
use self::row::{BatchRow, CheckpointRow, JobRow, QueuePlace};
use crate::articles::{CREATE_ARTICLE, REPLACE_ARTICLE, bind_write};
use crate::audit::{APPEND_AUDIT, bind_audit};
use crate::connection::SurrealStore;
use crate::events::{EventRow, tell};
use crate::failure::StoreFailure;
use crate::provenance::{CREATE_PROVENANCE, ProvenanceRow};
use crate::row::RowResult;
use crate::statement::Statement;

/// Part of what ends a job, from whose end something may follow. It takes `$job_key` and `$held`.
macro_rules! mark_end {
    () => {
        "
    IF $held.dependants > 0 OR $held.batch != NONE {
        UPSERT type::record('job_ended', $job_key) SET key = $job_key, at = time::now() RETURN NONE;
    };
"
    };
}

/// Part of every submission. It takes `$job` and `$event`. Who comes after another job writes that job's row, so
/// that its end at the same time is a conflict: either it is seen as ended, or it sees who waits.
macro_rules! put {
    () => {
        concat!(
            "
    LET $awaited = SELECT key, status FROM $job.awaited.map(|$key| type::record('job', $key))
        WHERE key != NONE;
    IF array::len($awaited) < array::len($job.awaited) {
        THROW 'refused:awaited_not_found:' + array::complement($job.awaited, $awaited.map(|$one| $one.key))[0]
    };
    LET $lost = $awaited.filter(|$one| $one.status IN ['failed', 'dead', 'cancelled'])[0];
    IF $lost != NONE {
        THROW 'refused:awaited_failed:`' + $lost.key + '` ended as ' + $lost.status
    };
    LET $open = $awaited.filter(|$one| $one.status != 'succeeded').map(|$one| $one.key);
    FOR $key IN $open {
        UPDATE type::record('job', $key) SET dependants += 1 RETURN NONE;
        CREATE type::record('job_wait', [$key, $job.key])
            CONTENT { awaited: $key, waiting: $job.key } RETURN NONE;
    };
    LET $stored = CREATE ONLY type::record('job', $job.key) CONTENT object::extend($job, {
        waits_for: array::len($open),
        status: IF array::is_empty($open) { 'queued' } ELSE { 'waiting' }
    });
",
            tell!()
        )
    };
}

/// First part of every fenced transaction. It takes `$job_key` and `$fence` and gives `$held`.
const HOLD: &str = "
    LET $held = SELECT status, fence, cancel_requested, project, owner, dependants, batch, attempts, stalls
        FROM ONLY type::record('job', $job_key);
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
",
    tell!(
        "$job_event",
        "{ project: $held.project, owner: $held.owner }"
    ),
    mark_end!()
);
/// Whether something follows from the end.
const RETURN_WHETHER_MORE: &str = "RETURN $held.dependants > 0 OR $held.batch != NONE;";
/// Of all ends but that of a dead letter.
const DROP_CHECKPOINT: &str = "
    DELETE type::record('job_checkpoint', $job_key) RETURN NONE;
";
/// Where it waits for nothing, which is nearly always.
const SUBMIT: &str = concat!(
    "{
    LET $stored = CREATE ONLY type::record('job', $job.key) CONTENT $job;
    ",
    tell!(),
    "
    RETURN $stored;
}"
);
const SUBMIT_AFTER: &str = concat!("{", put!(), "RETURN $stored; }");
const SUBMIT_BATCH: &str = concat!(
    "{
    CREATE type::record('job_batch', $batch.key) CONTENT $batch RETURN NONE;
    FOR $new IN $jobs {
        LET $job = $new.job;
        LET $event = $new.event;
        ",
    put!(),
    "
    };
    RETURN NONE;
}"
);
/// It takes `$job_key`, `$lines` and `$kept_lines`.
const APPEND_LOG: &str = "
    LET $log = (SELECT VALUE lines FROM ONLY type::record('job_log', $job_key)) ?? [];
    LET $whole_log = array::concat($log, $lines);
    UPSERT type::record('job_log', $job_key) SET
        lines = array::slice($whole_log, math::max([0, array::len($whole_log) - $kept_lines]))
        RETURN NONE;
";
const REQUEST_CANCEL: &str = concat!(
    "{
    LET $held = SELECT status, project, owner, dependants, batch FROM ONLY type::record('job', $job_key);
    IF $held = NONE { THROW 'refused:not_found' };
    IF $held.status IN ['waiting', 'queued'] {
        DELETE type::record('job_checkpoint', $job_key) RETURN NONE;
",
    tell!(
        "$job_event",
        "{ project: $held.project, owner: $held.owner }"
    ),
    mark_end!(),
    "
        RETURN UPDATE ONLY type::record('job', $job_key)
            SET status = 'cancelled', cancel_requested = true, finished_at = $job_event.at,
                error_code = NONE, error_message = NONE;
    };
    IF $held.status = 'running' {
        RETURN UPDATE ONLY type::record('job', $job_key) SET cancel_requested = true;
    };
    THROW 'refused:job_ended:' + $held.status;
}"
);
/// Around it stand the braces; between its parts, [`APPEND_LOG`].
const REQUEUE: [&str; 2] = [
    "
    LET $held = SELECT status, batch FROM ONLY type::record('job', $job_key);
    IF $held = NONE { THROW 'refused:not_found' };
    IF $held.status NOT IN ['failed', 'dead', 'cancelled'] {
        THROW 'refused:job_not_failed:' + $held.status
    };
    IF $held.batch != NONE {
        UPDATE type::record('job_batch', $held.batch)
            SET ended_at = NONE, requeued_at = time::now() RETURN NONE;
    };
",
    concat!(
        tell!(),
        "
    RETURN UPDATE ONLY type::record('job', $job_key) SET
        status = 'queued',
        run_at = $run_at,
        place = lane + ' ' + $due + ' ' + key,
        attempts = 0,
        retries = 0,
        stalls = NONE,
        missed_since = NONE,
        cancel_requested = false,
        error_code = NONE,
        error_message = NONE,
        started_at = NONE,
        finished_at = NONE;
"
    ),
];

/// A job to be queued, and the event that tells of it.
#[derive(SurrealValue)]
pub(crate) struct NewRow {
    job: JobRow,
    event: EventRow,
}

impl NewRow {
    pub(crate) fn of(job: &NewJob, batch: Option<BatchId>) -> RowResult<Self> {
        Ok(Self {
            job: JobRow::queued(job, batch)?,
            event: EventRow::of(queued(job))?,
        })
    }

    pub(crate) fn to_place(&self) -> QueuePlace {
        self.job.to_place()
    }
}

#[async_trait]
impl JobStore for SurrealStore {
    async fn submit(&self, job: NewJob) -> Result<Job> {
        let text = match job.after.is_empty() {
            true => SUBMIT,
            false => SUBMIT_AFTER,
        };
        let statement = Statement::new(text)
            .about(subject(job.id))
            .bind("job", JobRow::queued(&job, None)?)
            .tell(queued(&job))?;
        let stored: JobRow = self.write(statement).await?;
        self.put_job(stored.to_place());
        Ok(Job::try_from(stored)?)
    }

    async fn submit_batch(&self, batch: NewBatch) -> Result<JobBatch> {
        let rows = batch.jobs.iter();
        let rows: RowResult<Vec<NewRow>> =
            rows.map(|job| NewRow::of(job, Some(batch.id))).collect();
        let rows = rows?;
        let places: Vec<_> = rows.iter().map(NewRow::to_place).collect();
        let statement = Statement::new(SUBMIT_BATCH)
            .about(format!("batch `{}`", batch.id))
            .bind("batch", BatchRow::of(&batch))
            .bind("jobs", rows)
            .telling();
        self.write::<()>(statement).await?;
        for place in places {
            self.put_job(place);
        }
        let stored = self.counted_batch(batch.id).await?;
        let lost = || StoreFailure::not_found(format!("batch `{}`", batch.id));
        Ok(stored.ok_or_else(lost)?)
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        let row: Option<JobRow> = self.record("job", id.to_string()).await?;
        Ok(row.map(Job::try_from).transpose()?)
    }

    async fn batch(&self, id: BatchId) -> Result<Option<JobBatch>> {
        Ok(self.counted_batch(id).await?)
    }

    async fn list_jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>> {
        Ok(self.jobs_that_fit(filter, &page).await?)
    }

    async fn claim(
        &self,
        worker: &str,
        lease: Duration,
        limits: &JobLimits,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedJob>> {
        Ok(self.claim_next(worker, lease, limits, now).await?)
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
        // What is saved again as it was is no progress: who does only that before it crashes, stalls.
        const SAVE: &str = "
            LET $before = IF $held.stalls > 0 {
                (SELECT VALUE state FROM ONLY type::record('job_checkpoint', $job_key))
            };
            UPDATE type::record('job', $job_key) SET
                checkpointed_at = time::now(),
                stalls = IF $before = $checkpoint.state { stalls } ELSE { NONE },
                missed_since = NONE
                RETURN NONE;
            UPSERT type::record('job_checkpoint', $job_key) CONTENT $checkpoint RETURN NONE;
            RETURN NONE;
        ";
        let statement =
            fenced(id, fence, &[SAVE]).bind("checkpoint", CheckpointRow::of(checkpoint)?);
        Ok(self.write(statement).await?)
    }

    async fn append_log(&self, id: JobId, fence: u64, lines: &[LogLine]) -> Result<()> {
        const TOUCH: &str = "
            UPDATE type::record('job', $job_key) SET checkpointed_at = time::now() RETURN NONE;
        ";
        let statement = fenced(id, fence, &[TOUCH, APPEND_LOG, "RETURN NONE;"]);
        Ok(self.write(bind_log(statement, lines)?).await?)
    }

    async fn job_log(&self, id: JobId) -> Result<Vec<LogLine>> {
        let statement =
            Statement::new("SELECT VALUE lines FROM ONLY type::record('job_log', $job_key)")
                .bind("job_key", id.to_string());
        let texts: Option<Vec<String>> = self.read(statement).await?;
        Ok(row::log_lines(&texts.unwrap_or_default())?)
    }

    async fn release(&self, id: JobId, fence: u64) -> Result<()> {
        const RELEASE: &str = "
            RETURN UPDATE ONLY type::record('job', $job_key)
                SET status = 'queued', stalls = NONE, missed_since = NONE, worker = NONE, lease_until = NONE
                RETURN lane, place;
        ";
        let place = self.write(fenced(id, fence, &[RELEASE])).await?;
        self.put_back(id, place);
        Ok(())
    }

    async fn retry(
        &self,
        id: JobId,
        fence: u64,
        error: &JobError,
        run_at: DateTime<Utc>,
    ) -> Result<()> {
        const RETRY: &str = "
            RETURN UPDATE ONLY type::record('job', $job_key) SET
                status = 'queued',
                run_at = $run_at,
                place = lane + ' ' + $due + ' ' + key,
                retries += 1,
                stalls = NONE,
                missed_since = NONE,
                error_code = $error_code,
                error_message = $error_message,
                worker = NONE,
                lease_until = NONE
                RETURN lane, place;
        ";
        let statement = bind_again(fenced(id, fence, &[RETRY]), error, run_at);
        let place = self.write(statement).await?;
        self.put_back(id, place);
        Ok(())
    }

    async fn pass_on(
        &self,
        id: JobId,
        fence: u64,
        error: &JobError,
        now: DateTime<Utc>,
        run_at: DateTime<Utc>,
    ) -> Result<()> {
        const PASS_ON: &str = "
            RETURN UPDATE ONLY type::record('job', $job_key) SET
                status = 'queued',
                run_at = $run_at,
                place = lane + ' ' + $due + ' ' + key,
                attempts = $held.attempts - 1,
                started_at = IF $held.attempts > 1 { started_at } ELSE { NONE },
                stalls = IF $held.stalls > 1 { $held.stalls - 1 } ELSE { NONE },
                missed_since = missed_since ?? $now,
                error_code = $error_code,
                error_message = $error_message,
                worker = NONE,
                lease_until = NONE
                RETURN lane, place;
        ";
        let statement = bind_again(fenced(id, fence, &[PASS_ON]), error, run_at).bind("now", now);
        let place = self.write(statement).await?;
        self.put_back(id, place);
        Ok(())
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
            DROP_CHECKPOINT,
            append,
            RETURN_WHETHER_MORE,
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
        let is_more: bool = self.write(statement).await?;
        self.known().ended(&id.to_string(), is_more);
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
        let ending = row::Ending::with(JobStatus::Failed, error);
        Ok(self.end(id, fence, ending, event).await?)
    }

    async fn bury(&self, id: JobId, fence: u64, error: &JobError, event: Event) -> Result<()> {
        let ending = row::Ending::with(JobStatus::Dead, error);
        let statement = fenced(id, fence, &[END, RETURN_WHETHER_MORE]);
        let is_more: bool = self.write(bind_end(statement, ending, event)).await?;
        self.known().ended(&id.to_string(), is_more);
        Ok(())
    }

    async fn request_cancel(&self, id: JobId, event: Event) -> Result<Job> {
        let statement = Statement::new(REQUEST_CANCEL)
            .about(subject(id))
            .bind("job_key", id.to_string())
            .bind("job_event", EventRow::from(event))
            .telling();
        let row: JobRow = self.write(statement).await?;
        self.known().ended(&id.to_string(), true);
        Ok(Job::try_from(row)?)
    }

    async fn cancelled(&self, id: JobId, fence: u64, event: Event) -> Result<()> {
        let ending = row::Ending::of(JobStatus::Cancelled);
        Ok(self.end(id, fence, ending, event).await?)
    }

    async fn requeue(&self, id: JobId, line: &LogLine, event: &ScopedEvent) -> Result<Job> {
        let [check, go] = REQUEUE;
        let statement = Statement::new(format!("{{ {check} {APPEND_LOG} {go} }}"))
            .about(subject(id))
            .bind("job_key", id.to_string())
            .bind("run_at", event.event.at)
            .bind("due", row::due(event.event.at))
            .tell(event.clone())?;
        let statement = bind_log(statement, std::slice::from_ref(line))?;
        let row: JobRow = self.write(statement).await?;
        self.put_job(row.to_place());
        Ok(Job::try_from(row)?)
    }

    async fn settle_ends(&self, now: DateTime<Utc>, limit: usize) -> Result<bool> {
        Ok(self.settle_one_end(now, limit).await?)
    }

    async fn forget_jobs(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        Ok(self.forget_ended_jobs(before, limit).await?)
    }
}

impl SurrealStore {
    /// It is queued, or will be once nothing keeps it.
    pub(crate) fn put_job(&self, QueuePlace { lane, place }: QueuePlace) {
        self.known().put(&lane, &place);
    }

    fn put_back(&self, id: JobId, place: QueuePlace) {
        self.known().stopped(&id.to_string());
        self.put_job(place);
    }

    async fn end(
        &self,
        id: JobId,
        fence: u64,
        ending: row::Ending,
        event: Event,
    ) -> Result<(), StoreFailure> {
        let statement = fenced(id, fence, &[END, DROP_CHECKPOINT, RETURN_WHETHER_MORE]);
        let is_more: bool = self.write(bind_end(statement, ending, event)).await?;
        self.known().ended(&id.to_string(), is_more);
        Ok(())
    }
}

fn queued(job: &NewJob) -> ScopedEvent {
    ScopedEvent::job_queued(job.id, job.owner, &job.task, job.enqueued_at)
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

/// Why and when it is to be claimed again.
fn bind_again(statement: Statement, error: &JobError, run_at: DateTime<Utc>) -> Statement {
    statement
        .bind("run_at", run_at)
        .bind("due", row::due(run_at))
        .bind("error_code", error.code.as_str())
        .bind("error_message", error.message.as_str())
}

/// What [`APPEND_LOG`] takes but the key.
fn bind_log(statement: Statement, lines: &[LogLine]) -> RowResult<Statement> {
    Ok(statement
        .bind("lines", row::log_texts(lines)?)
        .bind("kept_lines", KEPT_LOG_LINES as u64))
}

fn subject(id: JobId) -> String {
    format!("job `{id}`")
}

#[cfg(test)]
mod tests;
