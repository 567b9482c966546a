//! What follows from the ends of jobs. A job's end leaves a row in `job_ended` where others wait for it or it is one
//! of a batch; whoever finds the row sees to that, piece by piece, and drops it last. Each piece may be done twice,
//! and by two engines at once.

use chrono::{DateTime, Utc};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::job::{Job, JobBatch, JobError, JobStatus};
use surrealdb::types::SurrealValue;

use super::row::{self, JobRow};
use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::events::{EventRow, tell};
use crate::failure::StoreFailure;
use crate::statement::Statement;

const NEXT_END: &str = "{
    LET $end = (SELECT key, at FROM type::record('job_ended', $from..) LIMIT 1)[0];
    IF $end = NONE { RETURN NONE };
    LET $key = $end.key;
    LET $waiting = SELECT VALUE waiting FROM job_wait WITH INDEX job_wait_awaited
        WHERE awaited = $key LIMIT $limit;
    RETURN {
        key: $key,
        at: $end.at,
        job: (SELECT * FROM ONLY type::record('job', $key)),
        waiting: $waiting,
        waiting_jobs: (SELECT * FROM $waiting.map(|$one| type::record('job', $one)) WHERE key != NONE)
    };
}";
const LET_GO: &str = "{
    FOR $one IN $waiting {
        LET $bond = type::record('job_wait', [$key, $one]);
        LET $job = SELECT status, waits_for FROM ONLY type::record('job', $one);
        IF record::exists($bond) AND $job.status = 'waiting' {
            UPDATE type::record('job', $one) SET
                waits_for = $job.waits_for - 1,
                status = IF $job.waits_for <= 1 { 'queued' } ELSE { 'waiting' }
                RETURN NONE;
        };
        DELETE $bond RETURN NONE;
    };
    RETURN NONE;
}";
const CANCEL: &str = concat!(
    "{
    FOR $ending IN $endings {
        LET $one = $ending.job;
        LET $job = SELECT status, dependants, batch FROM ONLY type::record('job', $one);
        IF $job.status = 'waiting' {
            UPDATE type::record('job', $one) SET
                status = 'cancelled',
                error_code = $error_code,
                error_message = $error_message,
                finished_at = $now
                RETURN NONE;
",
    tell!("$ending.event", "{}"),
    "
            IF $job.dependants > 0 OR $job.batch != NONE {
                UPSERT type::record('job_ended', $one) SET key = $one, at = time::now() RETURN NONE;
            };
        };
    };
    FOR $one IN $waiting {
        DELETE type::record('job_wait', [$key, $one]) RETURN NONE;
    };
    RETURN NONE;
}"
);
/// A job that was requeued meanwhile leaves a new row when it ends again.
const DROP_END: &str = "
    LET $end = SELECT at FROM ONLY type::record('job_ended', $key);
    IF $end.at = $at { DELETE type::record('job_ended', $key) RETURN NONE };
";
const END_BATCH: &str = concat!(
    "
    LET $batch = SELECT ended_at FROM ONLY type::record('job_batch', $batch_key);
    LET $open = SELECT VALUE key FROM job WITH INDEX job_batch
        WHERE batch = $batch_key AND status IN ['waiting', 'queued', 'running'];
    IF $batch != NONE AND $batch.ended_at = NONE AND array::is_empty($open) {
        UPDATE type::record('job_batch', $batch_key) SET ended_at = $now RETURN NONE;
",
    tell!(),
    "
    };
"
);
/// The queue goes through a batch from its first job on: while the one after this is open, none needs to be counted.
pub(super) const NEXT_OF_BATCH: &str = "\
    SELECT VALUE status FROM job WITH INDEX job_batch WHERE batch = $batch_key AND key > $key \
    ORDER BY key LIMIT 1";
const FORGET: &str = "{
    LET $old = SELECT key, finished_at FROM job WITH INDEX job_age
        WHERE finished_at > $beginning AND finished_at < $before ORDER BY finished_at LIMIT $limit;
    LET $keys = $old.map(|$row| $row.key);
    DELETE $keys.map(|$key| type::record('job_log', $key)) RETURN NONE;
    DELETE $keys.map(|$key| type::record('job_checkpoint', $key)) RETURN NONE;
    DELETE $keys.map(|$key| type::record('job', $key)) RETURN NONE;
    LET $batches = SELECT key, ended_at FROM job_batch WITH INDEX job_batch_age
        WHERE ended_at > $beginning AND ended_at < $before ORDER BY ended_at LIMIT $limit;
    DELETE $batches.map(|$row| type::record('job_batch', $row.key)) RETURN NONE;
    RETURN array::len($old);
}";

/// An end, and some of those that wait for it. A job that is not there any more ended long ago.
#[derive(SurrealValue)]
struct EndRow {
    key: String,
    at: DateTime<Utc>,
    job: Option<JobRow>,
    waiting: Vec<String>,
    waiting_jobs: Vec<JobRow>,
}

#[derive(SurrealValue)]
struct CancelRow {
    job: String,
    event: EventRow,
}

impl SurrealStore {
    pub(super) async fn settle_one_end(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<bool, StoreFailure> {
        if self.is_embedded() && self.known().is_nothing_ended() {
            return Ok(false);
        }
        let (began, from) = (self.known().begin(), self.known().ends_from());
        let next = Statement::new(NEXT_END)
            .bind("from", from.as_str())
            .bind("limit", limit.min(u32::MAX as usize));
        let end: Option<EndRow> = self.read(next).await?;
        let first = end.as_ref().map(|end| end.key.as_str());
        self.known().saw_end(first, &from, began);
        let Some(end) = end else {
            return Ok(false);
        };
        let ended = end.job.map(Job::try_from).transpose()?;
        let status = ended.as_ref().map(|job| job.status);
        if end.waiting.is_empty() || status.is_some_and(|status| !status.is_final()) {
            self.drop_end(end.key, end.at, ended, now).await?;
            return Ok(true);
        }
        let text = match &ended {
            Some(job) if job.status != JobStatus::Succeeded => CANCEL,
            _ => LET_GO,
        };
        let queued: Vec<_> = end.waiting_jobs.iter().map(JobRow::to_place).collect();
        let waiting: Vec<Job> = read_all(end.waiting_jobs)?;
        let endings: Result<Vec<CancelRow>, StoreFailure> = waiting
            .iter()
            .map(|job| {
                Ok(CancelRow {
                    job: job.id.to_string(),
                    event: EventRow::of(ScopedEvent::job_cancelled(job, now))?,
                })
            })
            .collect();
        let error = ended.as_ref().map(JobError::of_dependency);
        let statement = Statement::new(text)
            .about(format!("jobs that wait for `{}`", end.key))
            .bind("key", end.key)
            .bind("waiting", end.waiting)
            .bind("endings", endings?)
            .bind("error_code", error.as_ref().map(|error| error.code.clone()))
            .bind("error_message", error.map(|error| error.message))
            .bind("now", now)
            .telling();
        self.write::<()>(statement).await?;
        // Either these ended, or they are queued if nothing else keeps them.
        for job in &waiting {
            self.known().ended(&job.id.to_string(), true);
        }
        for place in queued {
            self.put_job(place);
        }
        Ok(true)
    }

    /// Nobody waits for it any more. A batch ends with the last of its jobs.
    async fn drop_end(
        &self,
        key: String,
        at: DateTime<Utc>,
        ended: Option<Job>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreFailure> {
        let batch = self.batch_at_its_end(ended).await?;
        let end_batch = batch.as_ref().map_or("", |_| END_BATCH);
        let statement = Statement::new(format!("{{ {end_batch} {DROP_END} RETURN NONE; }}"))
            .about(format!("the end of the job `{key}`"))
            .bind("key", key)
            .bind("at", at)
            .bind("now", now);
        let statement = match batch {
            Some(batch) => statement
                .bind("batch_key", batch.id.to_string())
                .tell(ScopedEvent::batch_ended(&batch, now))?,
            None => statement,
        };
        self.write(statement).await
    }

    /// The batch of a job, where none of it is open and nobody was told.
    async fn batch_at_its_end(&self, ended: Option<Job>) -> Result<Option<JobBatch>, StoreFailure> {
        let Some(ended) = ended.filter(|job| job.status.is_final()) else {
            return Ok(None);
        };
        let Some(id) = ended.batch else {
            return Ok(None);
        };
        let next = Statement::new(NEXT_OF_BATCH)
            .bind("batch_key", id.to_string())
            .bind("key", ended.id.to_string());
        let next: Vec<String> = self.read(next).await?;
        let is_open = |status: &String| row::status_of(status).is_ok_and(|it| !it.is_final());
        if next.iter().any(is_open) {
            return Ok(None);
        }
        let batch = self.counted_batch(id).await?;
        Ok(batch.filter(|batch| batch.ended_at.is_none() && batch.counts.open() == 0))
    }

    pub(super) async fn forget_ended_jobs(
        &self,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<u64, StoreFailure> {
        let statement = Statement::new(FORGET)
            .about("old jobs")
            .bind("beginning", DateTime::<Utc>::UNIX_EPOCH)
            .bind("before", before)
            .bind("limit", limit.min(u32::MAX as usize));
        self.write(statement).await
    }
}
