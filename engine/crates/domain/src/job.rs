//! Background work: durable, leased, resumable.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{ArticleId, BatchId, JobId, UserId};
use crate::provenance::AiCall;
use crate::rollout::Pin;
use crate::{Error, codes};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// For other jobs.
    Waiting,
    /// Ready, or ready at its time.
    Queued,
    Running,
    Succeeded,
    /// By a fault that does not pass.
    Failed,
    /// A dead letter: what might have passed did not, however often it was tried or waited for.
    Dead,
    Cancelled,
}

impl JobStatus {
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Dead,
        Self::Cancelled,
    ];

    pub fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Dead | Self::Cancelled => true,
        }
    }

    /// It ended, and not as was hoped: it may go into the queue once more.
    pub fn can_be_requeued(self) -> bool {
        self.is_final() && self != Self::Succeeded
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for JobStatus {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|it| it.as_str() == word);
        known.copied().ok_or_else(|| no_such("status", word))
    }
}

/// What goes first: all that is ready of a higher one goes before anything of a lower one. Three words
/// rather than numbers, whose order every queue reads differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    High,
    #[default]
    Normal,
    Low,
}

impl Priority {
    /// In the order in which they are served.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// Its place among [`Priority::ALL`].
    pub fn rank(self) -> u8 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}

impl FromStr for Priority {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|it| it.as_str() == word);
        known.copied().ok_or_else(|| no_such("priority", word))
    }
}

fn no_such(what: &str, word: &str) -> Error {
    let message = format!("`{word}` is no {what} of jobs; `docs/jobs.md` lists them");
    Error::new(&codes::INVALID_INPUT, message)
}

/// How many jobs may run at the same time, over all engines on the store. What is not named has no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobLimits {
    /// By kind.
    pub kinds: BTreeMap<String, u32>,
    /// Of every project that `projects` does not name.
    pub project: Option<u32>,
    /// By slug.
    pub projects: BTreeMap<String, u32>,
}

impl JobLimits {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub fn of_kind(&self, kind: &str) -> Option<u32> {
        self.kinds.get(kind).copied()
    }

    pub fn of_project(&self, slug: &str) -> Option<u32> {
        self.projects.get(slug).copied().or(self.project)
    }
}

/// Which jobs. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub owner: Option<UserId>,
    pub status: Option<JobStatus>,
    pub kind: Option<String>,
    /// Slug.
    pub project: Option<String>,
    pub priority: Option<Priority>,
    pub batch: Option<BatchId>,
}

impl JobFilter {
    pub fn fits(&self, job: &Job) -> bool {
        let is_kind = |kind: &String| kind == job.task.kind();
        let is_project = |slug: &String| slug == job.task.project();
        self.owner.is_none_or(|owner| owner == job.owner)
            && self.status.is_none_or(|status| status == job.status)
            && self.kind.as_ref().is_none_or(is_kind)
            && self.project.as_ref().is_none_or(is_project)
            && self.priority.is_none_or(|it| it == job.priority)
            && self.batch.is_none_or(|batch| Some(batch) == job.batch)
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
    /// When the article is to be published, as far as its owner may do that with a draft.
    #[serde(default)]
    pub publish_at: Option<DateTime<Utc>>,
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

impl JobError {
    /// Of a job that waited for one that did not succeed.
    pub fn of_dependency(ended: &Job) -> Self {
        Self {
            code: codes::DEPENDENCY_FAILED.name.to_owned(),
            message: format!(
                "the job `{}`, for which it waited, ended as {}",
                ended.id, ended.status
            ),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: JobId,
    pub owner: UserId,
    pub task: Task,
    pub status: JobStatus,
    pub priority: Priority,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// The jobs that it waits for, or waited for.
    pub after: Vec<JobId>,
    pub batch: Option<BatchId>,
    pub progress: Progress,
    /// How often a worker began it. Where the engine could not do it at all, that does not count.
    pub attempts: u32,
    /// How often it went back into the queue after a fault that may pass.
    pub retries: u32,
    pub cancel_requested: bool,
    /// Why it ended so; while it waits to be tried again, the fault it met last, or what the engine lacked.
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
    /// Claims in a row of which nothing came, with this one: neither a new checkpoint nor a word of how they ended.
    pub stalls: u32,
    /// Since when engines have passed it on because they cannot do it; `None` where the last one to have it could.
    pub missed_since: Option<DateTime<Utc>>,
}

/// Lines of a job's log that are kept: the newest.
pub const KEPT_LOG_LINES: usize = 200;
/// Of a line, in characters; the rest is cut off.
pub const LOG_LINE_CHARS: usize = 500;

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub at: DateTime<Utc>,
    /// The attempt that says it; 0 outside of attempts.
    pub attempt: u32,
    pub message: String,
}

impl LogLine {
    pub fn new(at: DateTime<Utc>, attempt: u32, message: &str) -> Self {
        Self {
            at,
            attempt,
            message: message.chars().take(LOG_LINE_CHARS).collect(),
        }
    }
}

/// Jobs that may be asked for together.
pub const MOST_OF_A_BATCH: usize = 200;
/// Jobs that one job may wait for.
pub const MOST_AWAITED: usize = 50;

/// Jobs that were asked for together, and how far they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobBatch {
    pub id: BatchId,
    pub owner: UserId,
    /// For people; may be empty.
    pub name: String,
    pub counts: BatchCounts,
    pub created_at: DateTime<Utc>,
    /// When the last of its jobs had ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The jobs of a batch by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchCounts {
    pub waiting: u32,
    pub queued: u32,
    pub running: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub dead: u32,
    pub cancelled: u32,
}

impl BatchCounts {
    pub fn of(statuses: impl IntoIterator<Item = JobStatus>) -> Self {
        let mut counts = Self::default();
        for status in statuses {
            let count = match status {
                JobStatus::Waiting => &mut counts.waiting,
                JobStatus::Queued => &mut counts.queued,
                JobStatus::Running => &mut counts.running,
                JobStatus::Succeeded => &mut counts.succeeded,
                JobStatus::Failed => &mut counts.failed,
                JobStatus::Dead => &mut counts.dead,
                JobStatus::Cancelled => &mut counts.cancelled,
            };
            *count += 1;
        }
        counts
    }

    /// Those that have not ended.
    pub fn open(self) -> u32 {
        self.waiting + self.queued + self.running
    }

    pub fn total(self) -> u32 {
        self.open() + self.succeeded + self.failed + self.dead + self.cancelled
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_again() {
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse::<JobStatus>().unwrap(), status);
        }
        for priority in Priority::ALL {
            assert_eq!(priority.as_str().parse::<Priority>().unwrap(), priority);
        }
        assert!("asleep".parse::<JobStatus>().is_err());
        assert!("urgent".parse::<Priority>().is_err());
    }

    #[test]
    fn ranks_follow_the_order_of_serving() {
        let ranks = Priority::ALL.map(Priority::rank);
        assert_eq!(ranks, [0, 1, 2]);
        assert!(Priority::ALL.is_sorted());
    }

    #[test]
    fn a_project_that_is_named_has_its_own_limit() {
        let limits = JobLimits {
            kinds: [("generate".to_owned(), 4)].into(),
            project: Some(2),
            projects: [("handbook".to_owned(), 8)].into(),
        };
        assert_eq!(limits.of_project("handbook"), Some(8));
        assert_eq!(limits.of_project("other"), Some(2));
        assert_eq!(limits.of_kind("generate"), Some(4));
        assert_eq!(limits.of_kind("import"), None);
    }
}
