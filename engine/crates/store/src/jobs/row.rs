//! Rows of `job` and `job_checkpoint`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::job::{
    Checkpoint, ClaimedJob, GenerateTask, Job, JobError, JobStatus, Progress, Task, WorkTask,
};
use inkstone_domain::ports::NewJob;
use inkstone_domain::rollout::Pin;
use serde_json::Value;
use surrealdb::types::{Bytes, SurrealValue};

use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, parse_option, to_json, unknown_word, unreadable};

const TABLE: &str = "job";
const CHECKPOINT_TABLE: &str = "job_checkpoint";

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
    status: String,
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

impl JobRow {
    pub(super) fn queued(new: &NewJob) -> RowResult<Self> {
        let task = TaskColumns::of(new.task.clone());
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
            status: JobStatus::Queued.as_str().to_owned(),
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
            }
            .into_task()?,
            status: status_of(&row.status)?,
            progress: Progress {
                step: row.step,
                done: row.done,
                total: row.total,
            },
            attempts: row.attempts,
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
            },
            Task::Work(work) => Self {
                kind: Some(work.kind),
                plugin: None,
                template: None,
                input: work.input,
                model: None,
                project: work.project,
                pins: Vec::new(),
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

fn status_of(word: &str) -> RowResult<JobStatus> {
    match word {
        "queued" => Ok(JobStatus::Queued),
        "running" => Ok(JobStatus::Running),
        "succeeded" => Ok(JobStatus::Succeeded),
        "failed" => Ok(JobStatus::Failed),
        "cancelled" => Ok(JobStatus::Cancelled),
        _ => Err(unknown_word(TABLE, "status", word)),
    }
}
