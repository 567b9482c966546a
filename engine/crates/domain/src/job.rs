//! Background work: durable, leased, resumable.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{ArticleId, JobId, UserId};
use crate::provenance::AiCall;
use crate::rollout::Pin;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl JobStatus {
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a job is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// A plugin writes an article.
    Generate(GenerateTask),
    /// The engine's own.
    Work(WorkTask),
}

impl Task {
    /// Name of [`Task::Generate`] among the kinds of work.
    pub const GENERATE: &str = "generate";

    pub fn kind(&self) -> &str {
        match self {
            Self::Generate(_) => Self::GENERATE,
            Self::Work(work) => &work.kind,
        }
    }

    pub fn project(&self) -> &str {
        match self {
            Self::Generate(task) => &task.project,
            Self::Work(work) => &work.project,
        }
    }
}

/// Work that the engine does itself, such as making the variants of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkTask {
    /// Names who does it; never [`Task::GENERATE`].
    pub kind: String,
    pub project: String,
    /// As its kind has it.
    pub input: Value,
}

/// A generation asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateTask {
    pub plugin: String,
    pub template: String,
    /// Fits the template's schema.
    pub input: Value,
    /// `provider/model` or alias that empty model names mean; `None` is the engine's default.
    pub model: Option<String>,
    pub project: String,
    /// Versions of plugins a tester asked for.
    #[serde(default)]
    pub pins: Vec<Pin>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, for people.
    pub step: String,
    pub done: u32,
    pub total: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// A name of `codes.rs`.
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: JobId,
    pub owner: UserId,
    pub task: Task,
    pub status: JobStatus,
    pub progress: Progress,
    /// How often a worker began it.
    pub attempts: u32,
    pub cancel_requested: bool,
    pub error: Option<JobError>,
    /// What it made.
    pub article: Option<ArticleId>,
    /// What the engine's own work came to, as its kind has it.
    pub result: Option<Value>,
    pub enqueued_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a job needs to go on after a crash, written with one commit after each step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoint {
    /// The plugin's own.
    pub state: Bytes,
    /// The calls of models made so far, so that provenance is whole after a resume.
    pub calls: Vec<AiCall>,
    /// Milliseconds of work up to here, over all attempts.
    pub elapsed_ms: u64,
}

/// A job in a worker's hands. `fence` rises with every claim: a write that carries an old one is refused with `lease_lost`.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    pub job: Job,
    pub fence: u64,
    pub checkpoint: Option<Checkpoint>,
}
