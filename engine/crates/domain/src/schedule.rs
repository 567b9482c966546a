//! Generations that are asked for again and again, or once at a set time: what is asked for, when, and what became of it.
//! Which times a cron expression means is the business of services.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::audit::AuditRecord;
use crate::event::{Event, EventBody, Scope, ScopedEvent};
use crate::ids::{JobId, ScheduleId, ScheduleRunId, UserId};
use crate::job::{GenerateTask, JobError, Priority};
use crate::ports::NewJob;
use crate::{Error, codes};

/// Runs of a schedule that are kept: the newest.
pub const KEPT_RUNS: usize = 200;
/// Times that are made up for together, where all are: the newest of them.
pub const MOST_MADE_UP: usize = 100;

/// What is to be generated, when, and in whose name.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub id: ScheduleId,
    /// In whose name it runs.
    pub owner: UserId,
    /// For people; may be empty.
    pub name: String,
    pub task: GenerateTask,
    pub priority: Priority,
    pub timing: Timing,
    pub missed: Missed,
    pub pause: Option<Pause>,
    /// `None` while it is paused, and where no time is left.
    pub next_run_at: Option<DateTime<Utc>>,
    pub last_run: Option<ScheduleRun>,
    /// One more with every change and every run.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// When a schedule runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Once.
    At(DateTime<Utc>),
    Cron {
        /// Five fields: minute, hour, day of month, month, day of week.
        expression: String,
        /// Of the IANA database, such as `Europe/Berlin`.
        time_zone: String,
    },
}

/// What is done about times at which no engine was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Nothing.
    Skip,
    /// One run for all of them.
    #[default]
    Once,
    /// A run for each, of at most [`MOST_MADE_UP`].
    All,
}

impl Missed {
    pub const ALL: [Self; 3] = [Self::Skip, Self::Once, Self::All];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All => "all",
        }
    }
}

/// Why a schedule does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub at: DateTime<Utc>,
    /// What stood in the way; `None` where somebody paused it.
    pub reason: Option<JobError>,
}

/// What became of one of its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRun {
    pub id: ScheduleRunId,
    pub schedule: ScheduleId,
    /// Of one that somebody asked for, when they did.
    pub planned_at: DateTime<Utc>,
    /// When an engine saw to it.
    pub at: DateTime<Utc>,
    /// Who asked for it; `None` where its time had come.
    pub by: Option<UserId>,
    pub outcome: RunOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    Queued(JobId),
    /// The job could not be queued, and the schedule was paused.
    Refused(JobError),
    /// No engine was there at this time, nor at any after it until that one.
    Skipped(DateTime<Utc>),
}

impl RunOutcome {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Queued(_) => "queued",
            Self::Refused(_) => "refused",
            Self::Skipped(_) => "skipped",
        }
    }

    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Queued(job) => Some(*job),
            Self::Refused(_) | Self::Skipped(_) => None,
        }
    }
}

impl ScheduleRunId {
    /// The run of a planned time: the same for whoever makes it, so that it cannot be made twice.
    pub fn of(schedule: ScheduleId, planned_at: DateTime<Utc>) -> Self {
        let ms = u64::try_from(planned_at.timestamp_millis()).unwrap_or_default();
        Self(Ulid::from_parts(ms, schedule.0.random()))
    }

    /// What it queues.
    pub fn job(self) -> JobId {
        JobId(self.0)
    }
}

/// Which schedules. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleFilter {
    pub owner: Option<UserId>,
    /// Slug.
    pub project: Option<String>,
}

impl ScheduleFilter {
    pub fn fits(&self, schedule: &Schedule) -> bool {
        let is_project = |slug: &String| *slug == schedule.task.project;
        self.owner.is_none_or(|owner| owner == schedule.owner)
            && self.project.as_ref().is_none_or(is_project)
    }
}

/// Runs of a schedule to be written, with all that belongs to them, in one transaction.
#[derive(Debug, Clone)]
pub struct Firing {
    /// As it is afterwards: its revision is one more than that of the one that was read.
    pub schedule: Schedule,
    /// Oldest first.
    pub runs: Vec<FiredRun>,
    /// Where an admin asked for it.
    pub audit: Option<AuditRecord>,
}

/// A run, and the job it queues.
#[derive(Debug, Clone)]
pub struct FiredRun {
    pub run: ScheduleRun,
    pub job: Option<NewJob>,
}

/// What the stores tell of schedules: the same words in each of them.
impl Schedule {
    pub fn created(&self) -> ScopedEvent {
        let body = EventBody::ScheduleCreated {
            schedule: self.id,
            revision: self.revision,
        };
        Event::new(self.created_at, self.owner, body).within(self.scope())
    }

    pub fn changed(&self, by: UserId) -> ScopedEvent {
        let body = EventBody::ScheduleChanged {
            schedule: self.id,
            revision: self.revision,
            is_paused: self.pause.is_some(),
        };
        Event::new(self.updated_at, by, body).within(self.scope())
    }

    pub fn removed(&self, by: UserId, at: DateTime<Utc>) -> ScopedEvent {
        let body = EventBody::ScheduleRemoved { schedule: self.id };
        Event::new(at, by, body).within(self.scope())
    }

    /// `None` of what was skipped.
    pub fn ran(&self, run: &ScheduleRun) -> Option<ScopedEvent> {
        let body = match &run.outcome {
            RunOutcome::Queued(job) => EventBody::ScheduleRan {
                schedule: self.id,
                job: *job,
            },
            RunOutcome::Refused(error) => EventBody::ScheduleRefused {
                schedule: self.id,
                code: error.code.clone(),
            },
            RunOutcome::Skipped(_) => return None,
        };
        let actor = run.by.unwrap_or(self.owner);
        Some(Event::new(run.at, actor, body).within(self.scope()))
    }

    fn scope(&self) -> Scope {
        Scope {
            project: Some(self.task.project.clone()),
            owner: Some(self.owner),
        }
    }
}

impl FromStr for Missed {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|it| it.as_str() == word);
        known.copied().ok_or_else(|| {
            let message =
                format!("`{word}` says nothing of missed times; `skip`, `once` and `all` do");
            Error::new(&codes::INVALID_INPUT, message)
        })
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_again() {
        for missed in Missed::ALL {
            assert_eq!(missed.as_str().parse::<Missed>().unwrap(), missed);
        }
        assert!("twice".parse::<Missed>().is_err());
    }

    #[test]
    fn the_run_of_a_time_has_one_id() {
        let (first, second) = (ScheduleId::new(), ScheduleId::new());
        let at: DateTime<Utc> = "2026-03-04T07:00:00Z".parse().unwrap();
        let later = at + chrono::TimeDelta::minutes(1);
        let id = ScheduleRunId::of(first, at);
        assert_eq!(id, ScheduleRunId::of(first, at));
        assert_ne!(id, ScheduleRunId::of(second, at));
        assert!(id < ScheduleRunId::of(first, later));
        assert_eq!(id.job().0, id.0);
    }
}
