//! What every store of schedules promises: above all, that no time is run twice.

use chrono::TimeDelta;
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::event::{EventBody, EventKind, Scope};
use inkstone_domain::ids::{ScheduleId, UserId};
use inkstone_domain::job::{JobError, JobStatus};
use inkstone_domain::ports::{AuditLog, EventLog, JobStore, ScheduleStore};
use inkstone_domain::schedule::{
    FiredRun, KEPT_RUNS, Pause, RunOutcome, Schedule, ScheduleFilter, ScheduleRun, Timing,
};

use super::events::number_all;
use super::{CROWD, assert_code};
use crate::sample;

/// There may be no other schedules. What it queues is cancelled at the end.
pub async fn run(
    store: &dyn ScheduleStore,
    jobs: &dyn JobStore,
    events: &dyn EventLog,
    audit: &dyn AuditLog,
) {
    keeps_and_lists_them(store).await;
    changes_by_revision(store, events, audit).await;
    knows_which_are_next(store).await;
    a_time_is_run_once(store, jobs, events).await;
    a_run_that_is_there_is_not_made_again(store, jobs).await;
    what_was_refused_or_skipped_is_written_down(store, events).await;
    keeps_the_newest_runs(store).await;
}

async fn made(store: &dyn ScheduleStore, owner: UserId) -> Schedule {
    let schedule = sample::schedule(owner);
    store.create_schedule(&schedule).await.unwrap();
    schedule
}

async fn clear(store: &dyn ScheduleStore, id: ScheduleId) {
    let stored = store.schedule(id).await.unwrap().unwrap();
    let removed = store.remove_schedule(&stored, stored.owner, sample::now(), None);
    removed.await.unwrap();
}

async fn keeps_and_lists_them(store: &dyn ScheduleStore) {
    let (ada, bob) = (UserId::new(), UserId::new());
    let first = made(store, ada).await;
    let mut second = sample::schedule(ada);
    second.task.project = "other".to_owned();
    second.timing = Timing::At(sample::now());
    second.pause = Some(Pause {
        at: sample::now(),
        reason: None,
    });
    second.next_run_at = None;
    second.last_run = Some(sample::firing(&second).runs.remove(0).run);
    store.create_schedule(&second).await.unwrap();
    let third = made(store, bob).await;
    assert_code(store.create_schedule(&first).await, &codes::ALREADY_EXISTS);
    for schedule in [&first, &second, &third] {
        let read = store.schedule(schedule.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(schedule));
    }
    assert_eq!(store.schedule(ScheduleId::new()).await.unwrap(), None);

    let of = |owner, project: Option<&str>| ScheduleFilter {
        owner,
        project: project.map(str::to_owned),
    };
    for (filter, wanted) in [
        (of(Some(ada), None), vec![&second, &first]),
        (of(Some(ada), Some("handbook")), vec![&first]),
        (of(None, Some("handbook")), vec![&third, &first]),
        (of(None, None), vec![&third, &second, &first]),
        (of(Some(UserId::new()), None), vec![]),
    ] {
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let page = PageRequest { limit: 1, cursor };
            let page = store.list_schedules(&filter, page).await.unwrap();
            found.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
    }
    for schedule in [first, second, third] {
        clear(store, schedule.id).await;
    }
}

async fn changes_by_revision(
    store: &dyn ScheduleStore,
    events: &dyn EventLog,
    audit: &dyn AuditLog,
) {
    let begin = number_all(events).await;
    let before = audit.audit_head().await.unwrap();
    let (owner, admin) = (UserId::new(), UserId::new());
    let first = made(store, owner).await;
    let renamed = Schedule {
        name: "Ebb".to_owned(),
        revision: 2,
        ..first.clone()
    };
    store.update_schedule(&renamed, owner, None).await.unwrap();
    let late = store.update_schedule(&renamed, owner, None).await;
    assert_code(late, &codes::REVISION_MISMATCH);
    let record = sample::audit(admin);
    let gone = store.remove_schedule(&renamed, admin, sample::now(), Some(&record));
    gone.await.unwrap();
    let gone = store.update_schedule(&renamed, owner, None).await;
    assert_code(gone, &codes::NOT_FOUND);
    let gone = store.remove_schedule(&renamed, owner, sample::now(), None);
    assert_code(gone.await, &codes::NOT_FOUND);
    let after = audit.audit_head().await.unwrap();
    assert_eq!(after.seq, before.seq + 1);

    number_all(events).await;
    let told = events.told_after(begin, 100).await.unwrap();
    let kinds: Vec<EventKind> = told.iter().map(|it| it.event.body.kind()).collect();
    let wanted = [
        EventKind::ScheduleCreated,
        EventKind::ScheduleChanged,
        EventKind::ScheduleRemoved,
    ];
    assert_eq!(kinds, wanted);
    let actors: Vec<UserId> = told.iter().map(|it| it.event.actor).collect();
    assert_eq!(actors, [owner, owner, admin]);
    let scope = Scope {
        project: Some("handbook".to_owned()),
        owner: Some(owner),
    };
    assert!(told.iter().all(|it| it.scope == scope));
}

async fn knows_which_are_next(store: &dyn ScheduleStore) {
    let owner = UserId::new();
    let mut all = Vec::new();
    for hours in [Some(3), None, Some(1), Some(2)] {
        let schedule = Schedule {
            next_run_at: hours.map(|hours| sample::now() + TimeDelta::hours(hours)),
            ..sample::schedule(owner)
        };
        store.create_schedule(&schedule).await.unwrap();
        all.push(schedule);
    }
    let next = store.next_schedules(2).await.unwrap();
    assert_eq!(next, [all[2].clone(), all[3].clone()]);
    let next = store.next_schedules(10).await.unwrap();
    assert_eq!(next, [2, 3, 0].map(|place: usize| all[place].clone()));
    for schedule in all {
        clear(store, schedule.id).await;
    }
    assert_eq!(store.next_schedules(10).await.unwrap(), []);
}

/// Many engines see that it is due, and each tries.
async fn a_time_is_run_once(store: &dyn ScheduleStore, jobs: &dyn JobStore, events: &dyn EventLog) {
    const DAYS: usize = 3;
    let owner = UserId::new();
    let mut schedule = made(store, owner).await;
    let begin = number_all(events).await;
    let mut firings = Vec::new();
    for _ in 0..DAYS {
        let firing = sample::firing(&schedule);
        let fired = join_all((0..CROWD).map(|_| store.fire(&firing))).await;
        let won = fired.into_iter().filter(|it| *it.as_ref().unwrap()).count();
        assert_eq!(won, 1, "one of them is first");
        schedule = store.schedule(schedule.id).await.unwrap().unwrap();
        assert_eq!(schedule, firing.schedule);
        firings.push(firing);
    }
    let runs = store.schedule_runs(schedule.id, sample::first_page(100));
    let runs = runs.await.unwrap().items;
    let wanted: Vec<ScheduleRun> = firings
        .iter()
        .rev()
        .map(|it| it.runs[0].run.clone())
        .collect();
    assert_eq!(runs, wanted, "newest first");
    for run in &runs {
        let job = jobs.job(run.outcome.job().unwrap()).await.unwrap().unwrap();
        assert_eq!((job.status, job.owner), (JobStatus::Queued, owner));
        cancel(jobs, run).await;
    }
    number_all(events).await;
    let told = events.told_after(begin, 100).await.unwrap();
    let count = |kind| {
        let of_kind = told.iter().filter(|it| it.event.body.kind() == kind);
        of_kind.count()
    };
    assert_eq!(count(EventKind::JobQueued), DAYS);
    assert_eq!(count(EventKind::ScheduleRan), DAYS);

    // Whoever changes it meanwhile is not run over.
    let stale = sample::firing(&schedule);
    let changed = Schedule {
        revision: schedule.revision + 1,
        ..schedule.clone()
    };
    store.update_schedule(&changed, owner, None).await.unwrap();
    assert!(!store.fire(&stale).await.unwrap());
    clear(store, schedule.id).await;
    assert!(!store.fire(&stale).await.unwrap());
    let gone = store.schedule_runs(schedule.id, sample::first_page(100));
    assert_eq!(gone.await.unwrap().items, []);
}

/// As where the clock of an engine was set back: the time is planned again.
async fn a_run_that_is_there_is_not_made_again(store: &dyn ScheduleStore, jobs: &dyn JobStore) {
    let schedule = made(store, UserId::new()).await;
    let firing = sample::firing(&schedule);
    assert!(store.fire(&firing).await.unwrap());
    let again = Schedule {
        next_run_at: schedule.next_run_at,
        ..firing.schedule.clone()
    };
    assert!(store.fire(&sample::firing(&again)).await.unwrap());
    let runs = store.schedule_runs(schedule.id, sample::first_page(100));
    let runs = runs.await.unwrap().items;
    assert_eq!(runs, [firing.runs[0].run.clone()]);
    cancel(jobs, &runs[0]).await;
    clear(store, schedule.id).await;
}

async fn what_was_refused_or_skipped_is_written_down(
    store: &dyn ScheduleStore,
    events: &dyn EventLog,
) {
    let schedule = made(store, UserId::new()).await;
    let begin = number_all(events).await;
    let error = JobError {
        code: "forbidden".to_owned(),
        message: "your role may read only".to_owned(),
    };
    let mut firing = sample::firing(&schedule);
    let planned = firing.runs.remove(0).run;
    let skipped = sample::firing(&firing.schedule).runs.remove(0).run;
    let refused = ScheduleRun {
        outcome: RunOutcome::Refused(error.clone()),
        ..planned
    };
    let skipped = ScheduleRun {
        outcome: RunOutcome::Skipped(sample::now()),
        ..skipped
    };
    for run in [refused.clone(), skipped.clone()] {
        firing.runs.push(FiredRun { run, job: None });
    }
    firing.schedule.next_run_at = None;
    firing.schedule.pause = Some(Pause {
        at: sample::now(),
        reason: Some(error),
    });
    assert!(store.fire(&firing).await.unwrap());
    let stored = store.schedule(schedule.id).await.unwrap();
    assert_eq!(stored, Some(firing.schedule));
    let runs = store.schedule_runs(schedule.id, sample::first_page(100));
    assert_eq!(runs.await.unwrap().items, [skipped, refused]);
    number_all(events).await;
    let told = events.told_after(begin, 100).await.unwrap();
    let bodies: Vec<&EventBody> = told.iter().map(|it| &it.event.body).collect();
    let refused = EventBody::ScheduleRefused {
        schedule: schedule.id,
        code: "forbidden".to_owned(),
    };
    assert_eq!(bodies, [&refused]);
    clear(store, schedule.id).await;
}

async fn keeps_the_newest_runs(store: &dyn ScheduleStore) {
    let schedule = made(store, UserId::new()).await;
    let mut firing = sample::firing(&schedule);
    let first = firing.runs.remove(0).run;
    let surplus = 3;
    for minute in 0..KEPT_RUNS + surplus {
        let planned_at = first.planned_at + TimeDelta::minutes(minute as i64);
        let run = ScheduleRun {
            id: inkstone_domain::ids::ScheduleRunId::of(schedule.id, planned_at),
            planned_at,
            outcome: RunOutcome::Skipped(planned_at),
            ..first.clone()
        };
        firing.runs.push(FiredRun { run, job: None });
    }
    assert!(store.fire(&firing).await.unwrap());
    let mut kept = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest { limit: 100, cursor };
        let page = store.schedule_runs(schedule.id, page).await.unwrap();
        kept.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let wanted = firing.runs.iter().rev().take(KEPT_RUNS);
    let wanted: Vec<ScheduleRun> = wanted.map(|it| it.run.clone()).collect();
    assert_eq!(kept.len(), wanted.len());
    assert_eq!(kept, wanted);
    clear(store, schedule.id).await;
}

async fn cancel(jobs: &dyn JobStore, run: &ScheduleRun) {
    let job = run.outcome.job().unwrap();
    let event = sample::event(UserId::new(), EventBody::JobCancelled { job });
    jobs.request_cancel(job, event).await.unwrap();
}
