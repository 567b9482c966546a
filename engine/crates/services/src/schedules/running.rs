//! Runs: what is due is found and its jobs are queued, with the schedule's next time, in one transaction that counts
//! only for whoever is first. So every engine looks, and none needs a lease.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::actions;
use inkstone_domain::ids::{ScheduleId, ScheduleRunId};
use inkstone_domain::job::JobError;
use inkstone_domain::ports::NewJob;
use inkstone_domain::principal::Principal;
use inkstone_domain::schedule::{FiredRun, Firing, Pause, RunOutcome, Schedule, ScheduleRun};
use inkstone_domain::{Error, Result, codes};
use tokio_util::sync::CancellationToken;

use super::timing::{Due, Times};
use super::{CHANGE_ATTEMPTS, Schedules, below_input, check, terms};
use crate::owners::principal_of;
use crate::policy::Act;
use crate::projects::contended;

/// How late a schedule may run that another engine has made or changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a fault.
const PAUSE: Duration = Duration::from_secs(5);
const READ_AT_ONCE: usize = 50;

/// What became of a schedule that was due.
enum Ran {
    AsPlanned,
    NotNow(Error),
}

impl Schedules {
    /// Runs what is due until `stop`.
    pub async fn keep_running(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let wait = match self.run_due().await {
                Ok(next) => self.until(next),
                Err(error) => {
                    tracing::warn!(?error, "schedules cannot run now; they stay due");
                    PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Runs all that is due, and says when the next one is. What cannot run now for a reason that passes stays due and
    /// holds up nothing else.
    pub async fn run_due(&self) -> Result<Option<DateTime<Utc>>> {
        let mut held = HashSet::new();
        loop {
            let mut planned = self.store.next_schedules(READ_AT_ONCE + held.len()).await?;
            planned.retain(|schedule| !held.contains(&schedule.id));
            if planned.is_empty() {
                return Ok(None);
            }
            for schedule in planned {
                let now = self.clock.now();
                let at = match schedule.next_run_at {
                    Some(at) if at <= now => at,
                    next => return Ok(next),
                };
                let id = schedule.id;
                if let Ran::NotNow(error) = self.run(schedule, at, now).await? {
                    tracing::warn!(schedule.id = %id, ?error, "a schedule cannot run now; it stays due");
                    held.insert(id);
                }
            }
        }
    }

    /// Queues its job at once, whatever its times are and also while it is paused.
    pub async fn run_now(&self, principal: &Principal, id: ScheduleId) -> Result<ScheduleRun> {
        for _ in 0..CHANGE_ATTEMPTS {
            let schedule = self.get(principal, id).await?;
            let verdict = check(principal, &schedule, Act::RequeueJob)?;
            let now = self.clock.now();
            let run = ScheduleRunId::at(now);
            let job = self.new_job(&schedule, run).await.map_err(below_input)?;
            let fired = queued(&schedule, job, now, now, Some(principal));
            let run = fired.run.clone();
            let firing = Firing {
                audit: self.audit(verdict, principal, actions::SCHEDULE_RUN, &schedule),
                schedule: Schedule {
                    last_run: Some(run.clone()),
                    revision: schedule.revision + 1,
                    ..schedule
                },
                runs: vec![fired],
            };
            if self.store.fire(&firing).await? {
                self.jobs.look();
                return Ok(run);
            }
        }
        Err(contended("schedule", &id.to_string()))
    }

    /// Once, however many engines do this.
    async fn run(
        &self,
        schedule: Schedule,
        planned: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Ran> {
        // What was checked when it was made can be read, but by an older engine.
        let times = Times::of(&schedule.timing).ok();
        let due = times.as_ref().map_or_else(
            || Due::only(planned),
            |times| times.due(schedule.missed, planned, now),
        );
        let mut after = Schedule {
            next_run_at: times.as_ref().and_then(|times| times.next_after(now)),
            revision: schedule.revision + 1,
            ..schedule.clone()
        };
        let mut runs = Vec::new();
        if let Some((first, last)) = due.skipped {
            let outcome = RunOutcome::Skipped(last);
            runs.push(without_job(&schedule, first, now, outcome));
        }
        if let Some(newest) = due.run.last() {
            let queued = match times {
                Some(_) => self.jobs_of(&schedule, &due.run, now).await,
                None => Err(unreadable(schedule.id)),
            };
            match queued {
                Ok(queued) => runs.extend(queued),
                Err(error) if error.is_transient() => return Ok(Ran::NotNow(error)),
                Err(error) => {
                    let reason = JobError {
                        code: error.code().name.to_owned(),
                        message: error.message().to_owned(),
                    };
                    tracing::info!(schedule.id = %schedule.id, ?error, "a schedule is paused");
                    after.pause = Some(Pause {
                        at: now,
                        reason: Some(reason.clone()),
                    });
                    after.next_run_at = None;
                    let outcome = RunOutcome::Refused(reason);
                    runs.push(without_job(&schedule, *newest, now, outcome));
                }
            }
        }
        after.last_run = runs.last().map(|fired| fired.run.clone());
        let firing = Firing {
            schedule: after,
            runs,
            audit: None,
        };
        if self.store.fire(&firing).await? {
            self.jobs.look();
        }
        Ok(Ran::AsPlanned)
    }

    /// One for each of these times. What may be asked for once may be asked for as often.
    async fn jobs_of(
        &self,
        schedule: &Schedule,
        times: &[DateTime<Utc>],
        now: DateTime<Utc>,
    ) -> Result<Vec<FiredRun>> {
        let Some(first) = times.first() else {
            return Ok(Vec::new());
        };
        let first = ScheduleRunId::of(schedule.id, *first);
        let job = self.new_job(schedule, first).await?;
        let runs = times.iter().map(|planned_at| {
            let job = NewJob {
                id: ScheduleRunId::of(schedule.id, *planned_at).job(),
                ..job.clone()
            };
            queued(schedule, job, *planned_at, now, None)
        });
        Ok(runs.collect())
    }

    /// In the name of its owner, with the role they have now.
    async fn new_job(&self, schedule: &Schedule, run: ScheduleRunId) -> Result<NewJob> {
        let owner = principal_of(self.users.as_ref(), schedule.owner).await?;
        let (task, terms) = (schedule.task.clone(), terms(schedule));
        self.jobs.checked(&owner, run.job(), task, terms).await
    }

    fn until(&self, next: Option<DateTime<Utc>>) -> Duration {
        let left = next.map(|at| (at - self.clock.now()).to_std().unwrap_or_default());
        left.map_or(LOOK_EVERY, |left| left.min(LOOK_EVERY))
    }
}

fn queued(
    schedule: &Schedule,
    job: NewJob,
    planned_at: DateTime<Utc>,
    now: DateTime<Utc>,
    by: Option<&Principal>,
) -> FiredRun {
    let run = ScheduleRun {
        id: ScheduleRunId(job.id.0),
        schedule: schedule.id,
        planned_at,
        at: now,
        by: by.map(|principal| principal.user),
        outcome: RunOutcome::Queued(job.id),
    };
    FiredRun {
        run,
        job: Some(job),
    }
}

fn without_job(
    schedule: &Schedule,
    planned_at: DateTime<Utc>,
    now: DateTime<Utc>,
    outcome: RunOutcome,
) -> FiredRun {
    let run = ScheduleRun {
        id: ScheduleRunId::of(schedule.id, planned_at),
        schedule: schedule.id,
        planned_at,
        at: now,
        by: None,
        outcome,
    };
    FiredRun { run, job: None }
}

fn unreadable(id: ScheduleId) -> Error {
    let message = format!("the times of the schedule `{id}` cannot be read by this engine");
    Error::new(&codes::INTERNAL, message)
}
