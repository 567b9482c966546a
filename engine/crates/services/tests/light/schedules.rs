//! Schedules: who may make them, that they run at their times and once, what is missed, and what stands in their way.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use inkstone_domain::audit::AuditFilter;
use inkstone_domain::codes;
use inkstone_domain::event::EventKind;
use inkstone_domain::ids::ScheduleId;
use inkstone_domain::job::{JobFilter, JobStatus, Priority};
use inkstone_domain::notification::{NotificationFilter, NotificationKind};
use inkstone_domain::ports::{AuditLog, Clock, EventLog, JobStore, ScheduleStore, UserStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::schedule::{Missed, RunOutcome, Schedule, ScheduleFilter, ScheduleRun};
use inkstone_services::schedules::{NewSchedule, SchedulePatch, When};
use inkstone_testkit::sample;
use serde_json::json;

use crate::jobs::task;
use crate::world::{World, handbook, job_when, join, page};

fn hourly() -> NewSchedule {
    NewSchedule {
        name: "tides".to_owned(),
        when: cron("0 * * * *", None),
        task: task("tides"),
        priority: Priority::Low,
        missed: Missed::Once,
        is_paused: false,
    }
}

fn cron(expression: &str, time_zone: Option<&str>) -> When {
    When {
        cron: Some(expression.to_owned()),
        at: None,
        time_zone: time_zone.map(str::to_owned),
    }
}

fn once(at: DateTime<Utc>) -> When {
    When {
        at: Some(at),
        ..When::default()
    }
}

async fn made(world: &World, who: &Principal, new: NewSchedule) -> Schedule {
    world.services.schedules.create(who, new).await.unwrap()
}

async fn stored(world: &World, id: ScheduleId) -> Schedule {
    world.store.schedule(id).await.unwrap().unwrap()
}

/// Newest first.
async fn runs(world: &World, id: ScheduleId) -> Vec<ScheduleRun> {
    let runs = world.store.schedule_runs(id, page(100)).await.unwrap();
    runs.items
}

async fn queued(world: &World) -> usize {
    let filter = JobFilter::default();
    let jobs = world.store.list_jobs(&filter, page(100));
    jobs.await.unwrap().items.len()
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

#[tokio::test]
async fn it_runs_at_its_times_in_the_name_of_its_owner() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let schedule = made(&world, &ada, hourly()).await;
    let begin = world.clock.now();
    let hour = TimeDelta::hours(1);
    assert_eq!(schedule.next_run_at, Some(begin + hour));
    let schedules = &world.services.schedules;
    assert_eq!(schedules.run_due().await.unwrap(), Some(begin + hour));
    assert_eq!(queued(&world).await, 0);

    for count in 1..=2 {
        world.clock.advance(hours(1));
        let next = schedules.run_due().await.unwrap();
        assert_eq!(next, Some(world.clock.now() + hour));
        assert_eq!(queued(&world).await, count);
    }
    let after = stored(&world, schedule.id).await;
    let found = runs(&world, schedule.id).await;
    assert_eq!(after.last_run.as_ref(), found.first());
    assert_eq!(after.revision, 3);
    let planned: Vec<_> = found.iter().map(|run| run.planned_at).collect();
    assert_eq!(planned, [begin + hour * 2, begin + hour]);
    let id = found[0].outcome.job().unwrap();
    let job = world.store.job(id).await.unwrap().unwrap();
    assert_eq!((job.owner, job.priority), (ada.user, Priority::Low));

    world.services.start_workers(1);
    job_when(&world.store, id, |job| job.status == JobStatus::Succeeded).await;
    let shown = schedules.runs(&ada, schedule.id, page(1)).await.unwrap();
    let (run, job) = &shown.items[0];
    assert_eq!(run, &found[0]);
    assert_eq!(
        job.as_ref().map(|job| job.status),
        Some(JobStatus::Succeeded)
    );
    let events = world.store.events(None, 100).await.unwrap();
    let kinds = events.iter().map(|event| event.body.kind());
    let of_schedules = kinds.filter(|kind| kind.as_str().starts_with("schedule."));
    assert_eq!(
        of_schedules.collect::<Vec<_>>(),
        [
            EventKind::ScheduleCreated,
            EventKind::ScheduleRan,
            EventKind::ScheduleRan
        ]
    );
}

#[tokio::test]
async fn many_engines_run_it_once() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(world.another_engine().await);
    }
    let schedule = made(&world, &ada, hourly()).await;
    for count in 1..=5 {
        world.clock.advance(hours(1));
        let engines = others.iter().chain([&world.services]);
        for ran in join_all(engines.map(|engine| engine.schedules.run_due())).await {
            ran.unwrap();
        }
        assert_eq!(queued(&world).await, count);
        assert_eq!(runs(&world, schedule.id).await.len(), count);
    }
}

#[tokio::test]
async fn what_was_missed_is_done_as_it_says() {
    for (missed, jobs, skipped) in [
        (Missed::Skip, 0, true),
        (Missed::Once, 1, false),
        (Missed::All, 3, false),
    ] {
        let world = World::new().await;
        let ada = world.somebody(Role::Creator).await;
        let new = NewSchedule { missed, ..hourly() };
        let schedule = made(&world, &ada, new).await;
        let begin = world.clock.now();
        world.clock.advance(hours(3) + Duration::from_secs(600));
        let next = world.services.schedules.run_due().await.unwrap();
        assert_eq!(next, Some(begin + TimeDelta::hours(4)), "{missed}");
        assert_eq!(queued(&world).await, jobs, "{missed}");
        let found = runs(&world, schedule.id).await;
        let skips: Vec<&ScheduleRun> = found
            .iter()
            .filter(|run| matches!(run.outcome, RunOutcome::Skipped(_)))
            .collect();
        assert_eq!(skips.len(), usize::from(skipped), "{missed}");
        if let [skip] = skips.as_slice() {
            assert_eq!(skip.planned_at, begin + TimeDelta::hours(1));
            let last = begin + TimeDelta::hours(3);
            assert_eq!(skip.outcome, RunOutcome::Skipped(last));
        }
    }
}

#[tokio::test]
async fn once_is_once() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let at = world.clock.now() + TimeDelta::minutes(5);
    let new = NewSchedule {
        when: once(at),
        ..hourly()
    };
    let schedule = made(&world, &ada, new).await;
    world.clock.set(at);
    let schedules = &world.services.schedules;
    assert_eq!(schedules.run_due().await.unwrap(), None);
    assert_eq!(schedules.run_due().await.unwrap(), None);
    assert_eq!(queued(&world).await, 1);
    let over = stored(&world, schedule.id).await;
    assert_eq!((over.next_run_at, over.pause), (None, None));
    // Another time begins anew; one that is over does not.
    let again = |at| SchedulePatch {
        when: once(at),
        ..SchedulePatch::default()
    };
    let past = schedules.update(&ada, schedule.id, again(at - TimeDelta::hours(1)), None);
    assert_eq!(past.await.unwrap_err().fields()[0].pointer, "/at");
    let later = at + TimeDelta::hours(1);
    let moved = schedules.update(&ada, schedule.id, again(later), None);
    assert_eq!(moved.await.unwrap().next_run_at, Some(later));
}

#[tokio::test]
async fn who_lost_their_rights_is_told_and_it_pauses() {
    let world = World::new().await;
    let boss = world.somebody(Role::Creator).await;
    let ada = world.somebody(Role::Creator).await;
    handbook(&world, &boss).await;
    join(&world, &boss, &ada, ProjectRole::Editor).await;
    let mut new = hourly();
    new.task.project = "handbook".to_owned();
    let schedule = made(&world, &ada, new.clone()).await;
    join(&world, &boss, &ada, ProjectRole::Viewer).await;
    world.clock.advance(hours(1));
    let schedules = &world.services.schedules;
    assert_eq!(schedules.run_due().await.unwrap(), None);
    assert_eq!(queued(&world).await, 0);
    let paused = stored(&world, schedule.id).await;
    let reason = paused.pause.clone().unwrap().reason.unwrap();
    assert_eq!(reason.code, "forbidden");
    let found = runs(&world, schedule.id).await;
    assert_eq!(found[0].outcome, RunOutcome::Refused(reason));

    // They are told, though it is in their own name.
    let hear = inkstone_services::notifications::Notices(world.services.notifications.clone());
    world.store.number_events(100).await.unwrap();
    let told = world.store.told_after(0, 100).await.unwrap();
    let told: Vec<_> = told.into_iter().map(std::sync::Arc::new).collect();
    inkstone_services::events::EventHandler::handle(&hear, &told)
        .await
        .unwrap();
    let notifications = &world.services.notifications;
    let list = notifications.list(&ada, NotificationFilter::All, page(10));
    let list = list.await.unwrap().items;
    assert_eq!(list[0].kind, NotificationKind::SchedulePaused);
    assert_eq!(list[0].about.schedule, Some(schedule.id));

    // It does not go on before they may again.
    let go_on = SchedulePatch {
        is_paused: Some(false),
        ..SchedulePatch::default()
    };
    let refused = schedules.update(&ada, schedule.id, go_on.clone(), None);
    assert_eq!(refused.await.unwrap_err().code(), &codes::FORBIDDEN);
    join(&world, &boss, &ada, ProjectRole::Editor).await;
    let goes_on = schedules
        .update(&ada, schedule.id, go_on, None)
        .await
        .unwrap();
    assert_eq!(goes_on.pause, None);
    assert!(goes_on.next_run_at > Some(world.clock.now()));
    assert_eq!(
        schedules
            .create(&world.somebody(Role::Viewer).await, new)
            .await
            .unwrap_err()
            .code(),
        &codes::FORBIDDEN
    );
}

#[tokio::test]
async fn what_cannot_run_now_holds_up_nothing_else() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let held = made(&world, &ada, hourly()).await;
    let new = NewSchedule {
        task: task("moons"),
        ..hourly()
    };
    let other = made(&world, &ada, new).await;
    world.clock.advance(hours(1));
    world.generator.be_busy_with(Some("tides"));
    let schedules = &world.services.schedules;
    schedules.run_due().await.unwrap();
    let due = stored(&world, held.id).await.next_run_at;
    assert_eq!(
        (due, runs(&world, held.id).await.len()),
        (held.next_run_at, 0)
    );
    assert_eq!(runs(&world, other.id).await.len(), 1);

    world.generator.be_busy_with(None);
    schedules.run_due().await.unwrap();
    let late = runs(&world, held.id).await;
    assert_eq!(
        (late.len(), late[0].planned_at),
        (1, held.next_run_at.unwrap())
    );
    assert_eq!(runs(&world, other.id).await.len(), 1);
}

#[tokio::test]
async fn an_owner_who_is_disabled_asks_for_nothing() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let schedule = made(&world, &ada, hourly()).await;
    let mut user = world.store.user(ada.user).await.unwrap().unwrap();
    user.disabled_at = Some(world.clock.now());
    user.revision += 1;
    let update = world
        .store
        .update_user(&user, None, std::slice::from_ref(sample::some_audit()));
    update.await.unwrap();
    world.clock.advance(hours(1));
    world.services.schedules.run_due().await.unwrap();
    let paused = stored(&world, schedule.id).await;
    assert_eq!(paused.pause.unwrap().reason.unwrap().code, "forbidden");
    assert_eq!(queued(&world).await, 0);
}

#[tokio::test]
async fn paused_times_were_not_missed() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let new = NewSchedule {
        missed: Missed::All,
        ..hourly()
    };
    let schedule = made(&world, &ada, new).await;
    let schedules = &world.services.schedules;
    let pause = |is_paused| SchedulePatch {
        is_paused: Some(is_paused),
        ..SchedulePatch::default()
    };
    let paused = schedules.update(&ada, schedule.id, pause(true), Some(1));
    let paused = paused.await.unwrap();
    assert_eq!((paused.next_run_at, paused.revision), (None, 2));
    world.clock.advance(hours(5));
    assert_eq!(schedules.run_due().await.unwrap(), None);
    // By hand it runs all the same.
    let run = schedules.run_now(&ada, schedule.id).await.unwrap();
    assert_eq!(
        (run.by, run.planned_at),
        (Some(ada.user), world.clock.now())
    );
    assert_eq!(queued(&world).await, 1);
    let resumed = schedules.update(&ada, schedule.id, pause(false), None);
    let next = world.clock.now() + TimeDelta::hours(1);
    assert_eq!(resumed.await.unwrap().next_run_at, Some(next));
    assert_eq!(schedules.run_due().await.unwrap(), Some(next));
    assert_eq!(queued(&world).await, 1);
    let late = schedules.update(&ada, schedule.id, pause(true), Some(2));
    assert_eq!(late.await.unwrap_err().code(), &codes::REVISION_MISMATCH);
}

#[tokio::test]
async fn others_do_not_see_it_and_what_admins_do_is_written_down() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let schedule = made(&world, &ada, hourly()).await;
    let schedules = &world.services.schedules;
    let hidden = schedules.get(&bob, schedule.id).await.unwrap_err();
    assert_eq!(hidden.code(), &codes::NOT_FOUND);
    let hidden = schedules.run_now(&bob, schedule.id).await.unwrap_err();
    assert_eq!(hidden.code(), &codes::NOT_FOUND);
    let all = |who: Principal| async move {
        let listed = world_list(schedules, &who).await;
        listed.len()
    };
    assert_eq!(all(ada.clone()).await, 1);
    assert_eq!(all(bob).await, 0);
    assert_eq!(all(admin.clone()).await, 1);

    let run = schedules.run_now(&admin, schedule.id).await.unwrap();
    let job = world.store.job(run.outcome.job().unwrap()).await.unwrap();
    assert_eq!(job.unwrap().owner, ada.user);
    let rename = SchedulePatch {
        name: Some("ebb".to_owned()),
        ..SchedulePatch::default()
    };
    schedules
        .update(&admin, schedule.id, rename, None)
        .await
        .unwrap();
    schedules.remove(&admin, schedule.id).await.unwrap();
    let filter = AuditFilter {
        subject: Some(format!("schedule:{}", schedule.id)),
        ..AuditFilter::default()
    };
    let entries = world
        .store
        .list_audit(&filter, page(10))
        .await
        .unwrap()
        .items;
    let actions: Vec<&str> = entries.iter().map(|it| it.record.action.as_str()).collect();
    assert_eq!(
        actions,
        ["schedule.removed", "schedule.changed", "schedule.run"]
    );
    assert!(
        entries
            .iter()
            .all(|it| it.record.on_behalf_of == Some(ada.user))
    );
}

async fn world_list(schedules: &inkstone_services::Schedules, who: &Principal) -> Vec<Schedule> {
    let filter = ScheduleFilter::default();
    schedules.list(who, filter, page(10)).await.unwrap().items
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let now = world.clock.now();
    let both = When {
        at: Some(now),
        ..cron("0 * * * *", None)
    };
    let zoned = When {
        time_zone: Some("Europe/Berlin".to_owned()),
        ..once(now + TimeDelta::hours(1))
    };
    for (when, pointer) in [
        (When::default(), "/cron"),
        (both, "/at"),
        (zoned, "/time_zone"),
        (once(now), "/at"),
        (cron("61 * * * *", None), "/cron"),
        (cron("0 0 30 2 *", None), "/cron"),
        (cron("0 * * * *", Some("Europe/Berln")), "/time_zone"),
    ] {
        let new = NewSchedule { when, ..hourly() };
        let refused = world.services.schedules.create(&ada, new).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), &codes::INVALID_INPUT, "{refused}");
        assert_eq!(refused.fields()[0].pointer, pointer, "{refused}");
    }
    let mut new = hourly();
    new.task.input = json!({"topic": 5});
    let refused = world.services.schedules.create(&ada, new).await;
    assert_eq!(refused.unwrap_err().code(), &codes::SCHEMA_MISMATCH);
    let mut new = hourly();
    new.task.template = "poem".to_owned();
    let refused = world.services.schedules.create(&ada, new).await;
    assert_eq!(refused.unwrap_err().code(), &codes::UNKNOWN_TEMPLATE);
}
