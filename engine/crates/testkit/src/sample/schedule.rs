//! Schedules, and runs of them.

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::ids::{ScheduleId, ScheduleRunId, UserId};
use inkstone_domain::job::{GenerateTask, Priority, Task};
use inkstone_domain::ports::NewJob;
use inkstone_domain::schedule::{
    FiredRun, Firing, Missed, RunOutcome, Schedule, ScheduleRun, Timing,
};

use super::{job, now};

/// Every morning in the handbook; planned for now.
pub fn schedule(owner: UserId) -> Schedule {
    Schedule {
        id: ScheduleId::new(),
        owner,
        name: "Tides “every” morning".to_owned(),
        task: task(owner),
        priority: Priority::Low,
        timing: Timing::Cron {
            expression: "30 6 * * MON-FRI".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        },
        missed: Missed::All,
        pause: None,
        next_run_at: Some(now()),
        last_run: None,
        revision: 1,
        created_at: now(),
        updated_at: now(),
    }
}

/// The run of its time that is next, by its owner; another follows a day later.
pub fn firing(schedule: &Schedule) -> Firing {
    let planned_at = schedule.next_run_at.unwrap_or_else(now);
    let (run, new) = run_of(schedule, planned_at);
    Firing {
        schedule: Schedule {
            revision: schedule.revision + 1,
            next_run_at: Some(planned_at + TimeDelta::days(1)),
            last_run: Some(run.clone()),
            ..schedule.clone()
        },
        runs: vec![FiredRun {
            run,
            job: Some(new),
        }],
        audit: None,
    }
}

fn run_of(schedule: &Schedule, planned_at: DateTime<Utc>) -> (ScheduleRun, NewJob) {
    let id = ScheduleRunId::of(schedule.id, planned_at);
    let run = ScheduleRun {
        id,
        schedule: schedule.id,
        planned_at,
        at: now(),
        by: None,
        outcome: RunOutcome::Queued(id.job()),
    };
    let new = NewJob {
        id: id.job(),
        task: Task::Generate(schedule.task.clone()),
        priority: schedule.priority,
        ..job(schedule.owner)
    };
    (run, new)
}

fn task(owner: UserId) -> GenerateTask {
    let Task::Generate(task) = job(owner).task else {
        unreachable!("it is a generation");
    };
    GenerateTask {
        project: "handbook".to_owned(),
        publish_at: None,
        ..task
    }
}
