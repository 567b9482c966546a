//! Jobs, and what a watcher of one sees.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{ArticleId, BatchId, JobId, UserId};
use inkstone_domain::job::{
    GenerateTask, Job, JobError, JobStatus, LogLine, Priority, Progress, Task,
};
use inkstone_services::jobs::Terms;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What to generate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GenerateBody {
    /// Fits the template's `input_schema`.
    #[schema(value_type = Object)]
    pub input: Value,
    /// `provider/model` or an alias; the engine's default where it is left out.
    #[serde(default)]
    pub model: Option<String>,
    /// Where the article goes, `[a-z0-9-]+`; `default` where it is left out.
    #[serde(default)]
    pub project: Option<String>,
    #[serde(default)]
    pub priority: Option<PriorityWord>,
    /// Not before; now where it is left out, or over.
    #[serde(default)]
    pub run_at: Option<DateTime<Utc>>,
    /// Jobs that must succeed first. Where one of them does not, this one is cancelled.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 50, example = json!([]))]
    pub after: Vec<JobId>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobStatusWord {
    /// For other jobs.
    Waiting,
    /// Ready, or ready at its time.
    Queued,
    Running,
    Succeeded,
    /// By a fault that does not pass.
    Failed,
    /// A dead letter: by a fault that might have passed, and did not.
    Dead,
    Cancelled,
}

/// What goes first: `normal` where it is left out.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PriorityWord {
    High,
    Normal,
    Low,
}

/// A piece of work in the background.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobReply {
    #[schema(value_type = String, example = "job_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: JobId,
    /// Who asked for it.
    #[schema(value_type = String)]
    pub owner: UserId,
    /// `generate`, or the name of the engine's own work.
    pub kind: String,
    /// Who generates; null for the engine's own work.
    pub plugin: Option<String>,
    pub template: Option<String>,
    #[schema(value_type = Object)]
    pub input: Value,
    /// The model asked for; null is the engine's default.
    pub model: Option<String>,
    pub project: String,
    /// `waiting` (for other jobs), `queued`, `running`, `succeeded`, `failed`, `dead` (a fault that might have
    /// passed did not) or `cancelled`.
    pub status: &'static str,
    /// `high`, `normal` or `low`.
    pub priority: &'static str,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// When its article is to be published, of a plan.
    pub publish_at: Option<DateTime<Utc>>,
    /// The jobs it waits for, or waited for.
    #[schema(value_type = Vec<String>)]
    pub after: Vec<JobId>,
    /// What it was asked for together with.
    #[schema(value_type = Option<String>, example = "bat_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub batch: Option<BatchId>,
    pub progress: ProgressReply,
    /// How often a worker began it.
    pub attempts: u32,
    /// How often it went back into the queue after a fault that may pass.
    pub retries: u32,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
    /// Why it ended without success; where it waits to be tried again, the fault it met last.
    pub error: Option<JobErrorReply>,
    /// What it made.
    #[schema(value_type = Option<String>)]
    pub article: Option<ArticleId>,
    /// What the engine's own work came to.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    pub enqueued_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// How far a job is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressReply {
    /// What is being done.
    pub step: String,
    pub done: u32,
    pub total: u32,
}

/// Why a job failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobErrorReply {
    /// Stable, the same codes as in problem details.
    pub code: String,
    pub message: String,
}

/// One event of a stream: its name, and its data as JSON text.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "events are written by axum; this is their shape in the document"
)]
pub(crate) struct EventReply {
    pub event: String,
    pub data: String,
}

/// A line of a job's log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogLineReply {
    pub at: DateTime<Utc>,
    /// The attempt that says it; 0 outside of attempts.
    pub attempt: u32,
    #[schema(example = "Writing “Ebb”")]
    pub message: String,
}

/// A piece of the text a job is writing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextReply {
    pub text: String,
}

/// Articles go here where no project is named.
pub(super) const DEFAULT_PROJECT: &str = "default";

impl GenerateBody {
    pub(crate) fn into_domain(self, plugin: String, template: String) -> (GenerateTask, Terms) {
        let terms = Terms {
            priority: self.priority.map(Priority::from).unwrap_or_default(),
            run_at: self.run_at,
            after: self.after,
        };
        let task = GenerateTask {
            plugin,
            template,
            input: self.input,
            model: self.model,
            project: self.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
            pins: Vec::new(),
            publish_at: None,
        };
        (task, terms)
    }
}

impl From<JobStatusWord> for JobStatus {
    fn from(word: JobStatusWord) -> Self {
        match word {
            JobStatusWord::Waiting => Self::Waiting,
            JobStatusWord::Queued => Self::Queued,
            JobStatusWord::Running => Self::Running,
            JobStatusWord::Succeeded => Self::Succeeded,
            JobStatusWord::Failed => Self::Failed,
            JobStatusWord::Dead => Self::Dead,
            JobStatusWord::Cancelled => Self::Cancelled,
        }
    }
}

impl From<PriorityWord> for Priority {
    fn from(word: PriorityWord) -> Self {
        match word {
            PriorityWord::High => Self::High,
            PriorityWord::Normal => Self::Normal,
            PriorityWord::Low => Self::Low,
        }
    }
}

impl From<LogLine> for LogLineReply {
    fn from(line: LogLine) -> Self {
        Self {
            at: line.at,
            attempt: line.attempt,
            message: line.message,
        }
    }
}

impl From<Job> for JobReply {
    fn from(job: Job) -> Self {
        let kind = job.task.kind().to_owned();
        let (plugin, template, model, input, project, publish_at) = match job.task {
            Task::Generate(task) => (
                Some(task.plugin),
                Some(task.template),
                task.model,
                task.input,
                task.project,
                task.publish_at,
            ),
            Task::Work(work) => (None, None, None, work.input, work.project, None),
        };
        Self {
            id: job.id,
            owner: job.owner,
            kind,
            plugin,
            template,
            input,
            model,
            project,
            status: job.status.as_str(),
            priority: job.priority.as_str(),
            run_at: job.run_at,
            publish_at,
            after: job.after,
            batch: job.batch,
            progress: job.progress.into(),
            attempts: job.attempts,
            retries: job.retries,
            cancel_requested: job.cancel_requested,
            error: job.error.map(JobErrorReply::from),
            article: job.article,
            result: job.result,
            enqueued_at: job.enqueued_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

impl From<Progress> for ProgressReply {
    fn from(progress: Progress) -> Self {
        Self {
            step: progress.step,
            done: progress.done,
            total: progress.total,
        }
    }
}

impl From<JobError> for JobErrorReply {
    fn from(error: JobError) -> Self {
        Self {
            code: error.code,
            message: error.message,
        }
    }
}
