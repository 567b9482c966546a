//! Rows of `job` and `job_checkpoint`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{BatchId, JobId};
use inkstone_domain::job::{
    BatchCounts, Checkpoint, ClaimedJob, GenerateTask, Job, JobBatch, JobError, JobStatus, LogLine,
    Priority, Progress, Task, WorkTask,
};
use inkstone_domain::ports::{NewBatch, NewJob};
use inkstone_domain::rollout::Pin;
use serde_json::Value;
use surrealdb::types::{Bytes, SurrealValue};

use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, parse_option, to_json, unknown_word, unreadable};

const TABLE: &str = "job";
const CHECKPOINT_TABLE: &str = "job_checkpoint";
const BATCH_TABLE: &str = "job_batch";
const LOG_TABLE: &str = "job_log";

#[derive(SurrealValue)]
pub(super) struct JobRow {
    key: String,
    owner: String,
    /// `None` is a generation, in rows of before there was anything else too.
    kind: Option<String>,
    plugin: Option<String>,
    template: Option<String>,
    input: String,
    model: Option<String>,
    project: String,
    /// `ID@VERSION`, with commas between; `None` in rows of before there were any.
    pins: Option<String>,
    publish_at: Option<DateTime<Utc>>,
    status: String,
    rank: u32,
    lane: String,
    run_at: DateTime<Utc>,
    place: String,
    retries: u32,
    batch: Option<String>,
    awaited: Vec<String>,
    /// Set where it is stored.
    waits_for: u32,
    dependants: u32,
    step: String,
    done: u32,
    total: u32,
    attempts: u32,
    fence: u64,
    cancel_requested: bool,
    error_code: Option<String>,
    error_message: Option<String>,
    article: Option<String>,
    result: Option<String>,
    enqueued_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

#[derive(SurrealValue)]
pub(super) struct CheckpointRow {
    state: Bytes,
    calls: String,
    elapsed_ms: u64,
}

/// What a claim gives back.
#[derive(SurrealValue)]
pub(super) struct ClaimRow {
    job: JobRow,
    checkpoint: Option<CheckpointRow>,
    stalls: u32,
    missed_since: Option<DateTime<Utc>>,
}

/// How a job ends.
#[derive(SurrealValue)]
pub(super) struct Ending {
    pub(super) status: String,
    pub(super) error_code: Option<String>,
    pub(super) error_message: Option<String>,
    pub(super) article: Option<String>,
    pub(super) result: Option<String>,
}

impl Ending {
    pub(super) fn of(status: JobStatus) -> Self {
        Self {
            status: status.as_str().to_owned(),
            error_code: None,
            error_message: None,
            article: None,
            result: None,
        }
    }
}

impl Ending {
    pub(super) fn with(status: JobStatus, error: &JobError) -> Self {
        Self {
            error_code: Some(error.code.clone()),
            error_message: Some(error.message.clone()),
            ..Self::of(status)
        }
    }
}

impl JobRow {
    /// What it waits for is looked up where it is stored.
    pub(super) fn queued(new: &NewJob, batch: Option<BatchId>) -> RowResult<Self> {
        let task = TaskColumns::of(new.task.clone());
        let lane = lane(new.priority, new.task.project(), new.task.kind());
        Ok(Self {
            key: new.id.to_string(),
            owner: new.owner.to_string(),
            kind: task.kind,
            plugin: task.plugin,
            template: task.template,
            input: to_json(TABLE, &task.input)?,
            model: task.model,
            project: task.project,
            pins: pins_text(&task.pins),
            publish_at: task.publish_at,
            status: JobStatus::Queued.as_str().to_owned(),
            rank: u32::from(new.priority.rank()),
            place: format!("{lane} {} {}", due(new.run_at), new.id),
            lane,
            run_at: new.run_at,
            retries: 0,
            batch: batch.map(|batch| batch.to_string()),
            awaited: new.after.iter().map(ToString::to_string).collect(),
            waits_for: 0,
            dependants: 0,
            step: String::new(),
            done: 0,
            total: 0,
            attempts: 0,
            fence: 0,
            cancel_requested: false,
            error_code: None,
            error_message: None,
            article: None,
            result: None,
            enqueued_at: new.enqueued_at,
            started_at: None,
            finished_at: None,
        })
    }
}

impl TryFrom<JobRow> for Job {
    type Error = StoreFailure;

    fn try_from(row: JobRow) -> RowResult<Self> {
        let error = row.error_code.map(|code| JobError {
            code,
            message: row.error_message.unwrap_or_default(),
        });
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            owner: parse(TABLE, &row.owner)?,
            task: TaskColumns {
                kind: row.kind,
                plugin: row.plugin,
                template: row.template,
                input: from_json(TABLE, &row.input)?,
                model: row.model,
                project: row.project,
                pins: pins_of(row.pins)?,
                publish_at: row.publish_at,
            }
            .into_task()?,
            status: status_of(&row.status)?,
            priority: priority_of(row.rank)?,
            run_at: row.run_at,
            after: awaited_of(&row.awaited)?,
            batch: parse_option(TABLE, row.batch)?,
            progress: Progress {
                step: row.step,
                done: row.done,
                total: row.total,
            },
            attempts: row.attempts,
            retries: row.retries,
            cancel_requested: row.cancel_requested,
            error,
            article: parse_option(TABLE, row.article)?,
            result: row.result.map(|text| from_json(TABLE, &text)).transpose()?,
            enqueued_at: row.enqueued_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

impl TryFrom<ClaimRow> for ClaimedJob {
    type Error = StoreFailure;

    fn try_from(row: ClaimRow) -> RowResult<Self> {
        Ok(Self {
            fence: row.job.fence,
            job: Job::try_from(row.job)?,
            checkpoint: row.checkpoint.map(Checkpoint::try_from).transpose()?,
            stalls: row.stalls,
            missed_since: row.missed_since,
        })
    }
}

impl CheckpointRow {
    pub(super) fn of(checkpoint: &Checkpoint) -> RowResult<Self> {
        Ok(Self {
            state: Bytes::from(checkpoint.state.clone()),
            calls: to_json(CHECKPOINT_TABLE, &checkpoint.calls)?,
            elapsed_ms: checkpoint.elapsed_ms,
        })
    }
}

impl TryFrom<CheckpointRow> for Checkpoint {
    type Error = StoreFailure;

    fn try_from(row: CheckpointRow) -> RowResult<Self> {
        Ok(Self {
            state: row.state.into_inner(),
            calls: from_json(CHECKPOINT_TABLE, &row.calls)?,
            elapsed_ms: row.elapsed_ms,
        })
    }
}

/// The JSON text of what a job came to.
pub(super) fn result_text(result: &Value) -> RowResult<String> {
    to_json(TABLE, result)
}

/// Both kinds of tasks, as columns.
struct TaskColumns {
    kind: Option<String>,
    plugin: Option<String>,
    template: Option<String>,
    input: Value,
    model: Option<String>,
    project: String,
    pins: Vec<Pin>,
    publish_at: Option<DateTime<Utc>>,
}

impl TaskColumns {
    fn of(task: Task) -> Self {
        match task {
            Task::Generate(task) => Self {
                kind: None,
                plugin: Some(task.plugin),
                template: Some(task.template),
                input: task.input,
                model: task.model,
                project: task.project,
                pins: task.pins,
                publish_at: task.publish_at,
            },
            Task::Work(work) => Self {
                kind: Some(work.kind),
                plugin: None,
                template: None,
                input: work.input,
                model: None,
                project: work.project,
                pins: Vec::new(),
                publish_at: None,
            },
        }
    }

    fn into_task(self) -> RowResult<Task> {
        if let Some(kind) = self.kind {
            return Ok(Task::Work(WorkTask {
                kind,
                project: self.project,
                input: self.input,
            }));
        }
        let needed = |field: &str, value: Option<String>| {
            value.ok_or_else(|| unreadable(TABLE, format!("`{field}` is missing")))
        };
        Ok(Task::Generate(GenerateTask {
            plugin: needed("plugin", self.plugin)?,
            template: needed("template", self.template)?,
            input: self.input,
            model: self.model,
            project: self.project,
            pins: self.pins,
            publish_at: self.publish_at,
        }))
    }
}

fn pins_text(pins: &[Pin]) -> Option<String> {
    let pins: Vec<String> = pins.iter().map(Pin::to_string).collect();
    (!pins.is_empty()).then(|| pins.join(","))
}

fn pins_of(text: Option<String>) -> RowResult<Vec<Pin>> {
    let text = text.unwrap_or_default();
    let pins = text.split(',').filter(|pin| !pin.is_empty());
    pins.map(|pin| parse(TABLE, pin)).collect()
}

pub(super) fn status_of(word: &str) -> RowResult<JobStatus> {
    word.parse()
        .map_err(|_| unknown_word(TABLE, "status", word))
}

fn priority_of(rank: u32) -> RowResult<Priority> {
    let known = Priority::ALL
        .into_iter()
        .find(|it| u32::from(it.rank()) == rank);
    known.ok_or_else(|| unknown_word(TABLE, "rank", &rank.to_string()))
}

fn awaited_of(keys: &[String]) -> RowResult<Vec<JobId>> {
    keys.iter().map(|key| parse(TABLE, key)).collect()
}

impl JobRow {
    /// What waits is put into its lane by the end of what it waits for.
    pub(super) fn to_place(&self) -> QueuePlace {
        QueuePlace {
            lane: self.lane.clone(),
            place: self.place.clone(),
        }
    }
}

/// Where a job is queued.
#[derive(SurrealValue)]
pub(crate) struct QueuePlace {
    pub(super) lane: String,
    pub(super) place: String,
}

/// What is served by age alone. Slugs have no spaces.
fn lane(priority: Priority, project: &str, kind: &str) -> String {
    format!("{}:{project} {kind}", priority.rank())
}

/// A time as it stands in places.
pub(super) fn due(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// A batch is its row and the statuses of its jobs.
#[derive(SurrealValue)]
pub(super) struct BatchRow {
    key: String,
    owner: String,
    name: String,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

#[derive(SurrealValue)]
pub(super) struct CountedBatchRow {
    batch: BatchRow,
    statuses: Vec<String>,
}

impl BatchRow {
    pub(super) fn of(batch: &NewBatch) -> Self {
        Self {
            key: batch.id.to_string(),
            owner: batch.owner.to_string(),
            name: batch.name.clone(),
            created_at: batch.created_at,
            ended_at: None,
        }
    }
}

impl TryFrom<CountedBatchRow> for JobBatch {
    type Error = StoreFailure;

    fn try_from(row: CountedBatchRow) -> RowResult<Self> {
        let statuses = row.statuses.iter().map(|word| status_of(word));
        let statuses: RowResult<Vec<JobStatus>> = statuses.collect();
        Ok(Self {
            id: parse(BATCH_TABLE, &row.batch.key)?,
            owner: parse(BATCH_TABLE, &row.batch.owner)?,
            name: row.batch.name,
            counts: BatchCounts::of(statuses?),
            created_at: row.batch.created_at,
            ended_at: row.batch.ended_at,
        })
    }
}

pub(super) fn log_texts(lines: &[LogLine]) -> RowResult<Vec<String>> {
    lines.iter().map(|line| to_json(LOG_TABLE, line)).collect()
}

pub(super) fn log_lines(texts: &[String]) -> RowResult<Vec<LogLine>> {
    texts
        .iter()
        .map(|text| from_json(LOG_TABLE, text))
        .collect()
}
