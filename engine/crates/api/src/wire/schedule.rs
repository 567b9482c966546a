//! Schedules, and what became of their times.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{JobId, ScheduleId, ScheduleRunId, UserId};
use inkstone_domain::job::{GenerateTask, Job, Priority};
use inkstone_domain::schedule::{Missed, RunOutcome, Schedule, ScheduleRun, Timing};
use inkstone_services::schedules::{NewSchedule, SchedulePatch, When};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::job::{DEFAULT_PROJECT, JobErrorReply, PriorityWord};

/// What is to be generated, and when: by `cron` again and again, or once, `at` a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleBody {
    /// For people.
    #[serde(default)]
    #[schema(max_length = 200, example = "Tides, every morning")]
    pub name: String,
    /// Minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, example = "30 6 * * MON-FRI")]
    pub cron: Option<String>,
    /// Instead of `cron`: once, then.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// Of `cron`, a name of the IANA database; `UTC` where it is left out.
    #[serde(default)]
    #[schema(min_length = 1, example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// Id of a generator.
    #[schema(min_length = 1, example = "generator-article")]
    pub plugin: String,
    /// Id of one of its templates.
    #[schema(min_length = 1, example = "article")]
    pub template: String,
    /// Fits the template's `input_schema`.
    #[schema(value_type = Object)]
    pub input: Value,
    /// `provider/model` or an alias; the engine's default where it is left out.
    #[serde(default)]
    pub model: Option<String>,
    /// Where the articles go, `[a-z0-9-]+`; `default` where it is left out.
    #[serde(default)]
    pub project: Option<String>,
    #[serde(default)]
    pub priority: Option<PriorityWord>,
    #[serde(default)]
    pub missed: Option<MissedWord>,
    /// `true` for one that waits until it is changed.
    #[serde(default)]
    pub paused: bool,
}

/// What is to be otherwise. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchedulePatchBody {
    #[serde(default)]
    #[schema(max_length = 200, example = "Tides, every morning")]
    pub name: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub cron: Option<String>,
    /// Instead of `cron`.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    #[serde(default)]
    #[schema(min_length = 1, example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub input: Option<Value>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub priority: Option<PriorityWord>,
    #[serde(default)]
    pub missed: Option<MissedWord>,
    /// `false` goes on from now; what passed meanwhile was not missed.
    #[serde(default)]
    pub paused: Option<bool>,
}

/// What is done about times at which no engine was there: nothing, one run for all of them, or a run for each of
/// the newest 100. `once` where it is left out.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissedWord {
    Skip,
    Once,
    All,
}

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleReply {
    #[schema(value_type = String, example = "sch_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ScheduleId,
    /// In whose name it runs.
    #[schema(value_type = String, example = "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub owner: UserId,
    pub name: String,
    pub cron: Option<String>,
    pub at: Option<DateTime<Utc>>,
    /// Of `cron`.
    pub time_zone: Option<String>,
    pub plugin: String,
    pub template: String,
    #[schema(value_type = Object)]
    pub input: Value,
    pub model: Option<String>,
    pub project: String,
    /// `high`, `normal` or `low`.
    pub priority: &'static str,
    /// `skip`, `once` or `all`.
    pub missed: &'static str,
    pub paused: bool,
    /// Why the engine paused it; null where a person did, or nobody.
    pub pause_reason: Option<JobErrorReply>,
    /// Null while it is paused, and where no time is left.
    pub next_run_at: Option<DateTime<Utc>>,
    pub last_run: Option<ScheduleRunReply>,
    /// One more with every change and every run.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What became of a time of a schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleRunReply {
    #[schema(value_type = String, example = "run_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ScheduleRunId,
    /// Of one that somebody asked for, when they did.
    pub planned_at: DateTime<Utc>,
    /// When an engine saw to it.
    pub at: DateTime<Utc>,
    /// Who asked for it; null where its time had come.
    #[schema(value_type = Option<String>)]
    pub by: Option<UserId>,
    /// `queued` (its job was), `refused` (the job could not be queued, so the schedule was paused) or `skipped`.
    pub outcome: &'static str,
    #[schema(value_type = Option<String>, example = "job_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub job: Option<JobId>,
    /// How the job stands, in lists of runs; null where it is forgotten.
    pub job_status: Option<&'static str>,
    /// Why it was refused.
    pub error: Option<JobErrorReply>,
    /// The last of the times that were skipped; `planned_at` is the first.
    pub skipped_until: Option<DateTime<Utc>>,
}

impl ScheduleBody {
    pub(crate) fn into_domain(self) -> NewSchedule {
        NewSchedule {
            name: self.name,
            when: When {
                cron: self.cron,
                at: self.at,
                time_zone: self.time_zone,
            },
            task: GenerateTask {
                plugin: self.plugin,
                template: self.template,
                input: self.input,
                model: self.model,
                project: self.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
                pins: Vec::new(),
                publish_at: None,
            },
            priority: self.priority.map(Priority::from).unwrap_or_default(),
            missed: self.missed.map(Missed::from).unwrap_or_default(),
            is_paused: self.paused,
        }
    }
}

impl From<SchedulePatchBody> for SchedulePatch {
    fn from(body: SchedulePatchBody) -> Self {
        Self {
            name: body.name,
            when: When {
                cron: body.cron,
                at: body.at,
                time_zone: body.time_zone,
            },
            input: body.input,
            model: body.model,
            priority: body.priority.map(Into::into),
            missed: body.missed.map(Into::into),
            is_paused: body.paused,
        }
    }
}

impl From<MissedWord> for Missed {
    fn from(word: MissedWord) -> Self {
        match word {
            MissedWord::Skip => Self::Skip,
            MissedWord::Once => Self::Once,
            MissedWord::All => Self::All,
        }
    }
}

impl From<Schedule> for ScheduleReply {
    fn from(schedule: Schedule) -> Self {
        let (cron, time_zone, at) = match schedule.timing {
            Timing::At(at) => (None, None, Some(at)),
            Timing::Cron {
                expression,
                time_zone,
            } => (Some(expression), Some(time_zone), None),
        };
        let task = schedule.task;
        Self {
            id: schedule.id,
            owner: schedule.owner,
            name: schedule.name,
            cron,
            at,
            time_zone,
            plugin: task.plugin,
            template: task.template,
            input: task.input,
            model: task.model,
            project: task.project,
            priority: schedule.priority.as_str(),
            missed: schedule.missed.as_str(),
            paused: schedule.pause.is_some(),
            pause_reason: schedule
                .pause
                .and_then(|pause| pause.reason)
                .map(Into::into),
            next_run_at: schedule.next_run_at,
            last_run: schedule.last_run.map(Into::into),
            revision: schedule.revision,
            created_at: schedule.created_at,
            updated_at: schedule.updated_at,
        }
    }
}

impl From<ScheduleRun> for ScheduleRunReply {
    fn from(run: ScheduleRun) -> Self {
        let (outcome, job) = (run.outcome.as_str(), run.outcome.job());
        let (error, skipped_until) = match run.outcome {
            RunOutcome::Queued(_) => (None, None),
            RunOutcome::Refused(error) => (Some(error.into()), None),
            RunOutcome::Skipped(until) => (None, Some(until)),
        };
        Self {
            id: run.id,
            planned_at: run.planned_at,
            at: run.at,
            by: run.by,
            outcome,
            job,
            job_status: None,
            error,
            skipped_until,
        }
    }
}

impl From<(ScheduleRun, Option<Job>)> for ScheduleRunReply {
    fn from((run, job): (ScheduleRun, Option<Job>)) -> Self {
        Self {
            job_status: job.map(|job| job.status.as_str()),
            ..run.into()
        }
    }
}
