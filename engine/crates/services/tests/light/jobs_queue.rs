//! The queue: whose turn it is, tries, dead letters and second lives, logs, jobs that wait, batches, and what is
//! forgotten.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use inkstone_domain::audit::AuditFilter;
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::JobId;
use inkstone_domain::job::{Job, JobFilter, JobLimits, JobStatus, LogLine, Priority};
use inkstone_domain::ports::{AuditLog, Clock, EventLog, JobStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, codes};
use inkstone_services::JobsConfig;
use inkstone_services::jobs::{BatchItem, Terms};
use inkstone_testkit::{Gate, Step};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::jobs::task;
use crate::world::{PATIENCE, World, job_when, page, test_jobs};

async fn submit(world: &World, who: &Principal, terms: Terms) -> JobId {
    let jobs = &world.services.jobs;
    jobs.submit(who, task("ink"), terms).await.unwrap().id
}

async fn ended(world: &World, id: JobId) -> Job {
    job_when(&world.store, id, |job| job.status.is_final()).await
}

async fn bodies(world: &World) -> Vec<EventBody> {
    let events = world.store.events(None, 100).await.unwrap();
    events.into_iter().map(|event| event.body).collect()
}

fn item(after_items: &[usize]) -> BatchItem {
    BatchItem {
        task: task("ink"),
        terms: Terms::default(),
        after_items: after_items.to_vec(),
    }
}

#[tokio::test]
async fn priorities_go_first_and_times_are_kept() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let with = |priority| Terms {
        priority,
        ..Terms::default()
    };
    let low = submit(&world, &ada, with(Priority::Low)).await;
    let normal = submit(&world, &ada, Terms::default()).await;
    let high = submit(&world, &ada, with(Priority::High)).await;
    let in_an_hour = world.clock.now() + TimeDelta::hours(1);
    let later = Terms {
        run_at: Some(in_an_hour),
        ..with(Priority::High)
    };
    let later = submit(&world, &ada, later).await;
    world.services.start_workers(1);
    ended(&world, low).await;
    let done = bodies(&world)
        .await
        .into_iter()
        .filter_map(|body| match body {
            EventBody::JobSucceeded { job, .. } => Some(job),
            _ => None,
        });
    assert_eq!(done.collect::<Vec<_>>(), [high, normal, low]);
    let waits = world.store.job(later).await.unwrap().unwrap();
    assert_eq!(
        (waits.status, waits.run_at),
        (JobStatus::Queued, in_an_hour)
    );
    world.clock.set(in_an_hour);
    let done = ended(&world, later).await;
    assert_eq!(done.started_at, Some(in_an_hour));
}

#[tokio::test]
async fn limits_leave_room_for_others() {
    let gate = Gate::closed();
    let jobs = JobsConfig {
        limits: JobLimits {
            project: Some(1),
            ..JobLimits::default()
        },
        ..test_jobs()
    };
    let world = World::with([Step::Wait(gate.clone()), Step::Draft], jobs).await;
    let ada = world.somebody(Role::Creator).await;
    let first = submit(&world, &ada, Terms::default()).await;
    let second = submit(&world, &ada, Terms::default()).await;
    world.services.start_workers(2);
    gate.reached().await;
    let waits = world.store.job(second).await.unwrap().unwrap();
    assert_eq!((waits.status, waits.attempts), (JobStatus::Queued, 0));
    gate.open();
    ended(&world, first).await;
    assert_eq!(ended(&world, second).await.status, JobStatus::Succeeded);
}

#[tokio::test]
async fn a_job_comes_back_when_the_other_side_said_so_and_holds_no_worker() {
    let wait = Duration::from_secs(90);
    let fault = Error::new(&codes::UPSTREAM_RATE_LIMITED, "too many requests");
    let fault = fault.with_retry_after(Some(wait));
    let world = World::generating([
        Step::Section("one"),
        Step::FailOnce(fault),
        Step::Section("two"),
        Step::Draft,
    ])
    .await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada, Terms::default()).await;
    let waits = job_when(&world.store, id, |job| job.retries == 1).await;
    assert_eq!(waits.status, JobStatus::Queued);
    assert_eq!(waits.run_at, world.clock.now() + wait);
    assert_eq!(waits.error.unwrap().code, "upstream_rate_limited");
    // The one worker does others meanwhile.
    let other = submit(&world, &ada, Terms::default()).await;
    assert_eq!(ended(&world, other).await.status, JobStatus::Succeeded);
    let still = world.store.job(id).await.unwrap().unwrap();
    assert_eq!((still.status, still.attempts), (JobStatus::Queued, 1));
    world.clock.advance(wait);
    let done = ended(&world, id).await;
    assert_eq!(
        (done.status, done.attempts, done.error),
        (JobStatus::Succeeded, 2, None)
    );

    let log = world.services.jobs.log(&ada, id).await.unwrap();
    let said: Vec<(u32, &str)> = log
        .iter()
        .map(|it| (it.attempt, it.message.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (1, "wrote one"),
            (1, "too many requests. It will be tried again in 90000 ms."),
            (2, "begun again"),
            (2, "wrote two"),
        ]
    );
}

#[tokio::test]
async fn waits_grow_and_have_jitter() {
    let fault = Error::new(&codes::UPSTREAM_UNREACHABLE, "down");
    let jobs = JobsConfig {
        max_attempts: 5,
        retry_delay: Duration::from_secs(8),
        ..test_jobs()
    };
    let world = World::with([Step::Fail(fault)], jobs).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada, Terms::default()).await;
    for (retries, least) in [(1, 8), (2, 16), (3, 32), (4, 64)] {
        let job = job_when(&world.store, id, |job| job.retries == retries).await;
        let wait = job.run_at - world.clock.now();
        let (least, most) = (TimeDelta::seconds(least), TimeDelta::seconds(least * 2));
        assert!((least..=most).contains(&wait), "{retries}: {wait}");
        world.clock.set(job.run_at);
    }
    let dead = ended(&world, id).await;
    assert_eq!((dead.status, dead.attempts), (JobStatus::Dead, 5));
}

#[tokio::test]
async fn a_dead_letter_is_requeued_and_goes_on_where_it_was() {
    let fault = Error::new(&codes::UPSTREAM_UNREACHABLE, "down");
    let world = World::generating([Step::Section("one"), Step::Fail(fault)]).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada, Terms::default()).await;
    let dead = ended(&world, id).await;
    assert_eq!((dead.status, dead.attempts), (JobStatus::Dead, 3));
    let failed = EventBody::JobFailed {
        job: id,
        code: "upstream_unreachable".to_owned(),
    };
    assert_eq!(bodies(&world).await.last(), Some(&failed));

    let lives = world.services.jobs.requeue(&ada, id).await.unwrap();
    assert_eq!((lives.status, lives.attempts), (JobStatus::Queued, 0));
    assert_eq!(ended(&world, id).await.status, JobStatus::Dead);
    assert_eq!(world.generator.sections(), ["one"], "not written again");
    assert_eq!(world.generator.resumes().len(), 6);
    assert!(
        bodies(&world)
            .await
            .contains(&EventBody::JobRequeued { job: id })
    );
    let log = world.services.jobs.log(&ada, id).await.unwrap();
    let by = format!("requeued by {}", ada.user);
    assert!(log.contains(&LogLine::new(lives.run_at, 0, &by)));
}

#[tokio::test]
async fn who_may_requeue() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let jobs = &world.services.jobs;
    let id = submit(&world, &ada, Terms::default()).await;
    let early = jobs.requeue(&ada, id).await.unwrap_err();
    assert_eq!(early.code(), &codes::CONFLICT);
    jobs.cancel(&ada, id).await.unwrap();
    let stranger = jobs.requeue(&bob, id).await.unwrap_err();
    assert_eq!(stranger.code(), &codes::NOT_FOUND);
    let reader = Principal::of(ada.user, Role::Viewer);
    let reader = jobs.requeue(&reader, id).await.unwrap_err();
    assert_eq!(reader.code(), &codes::FORBIDDEN);
    jobs.requeue(&ada, id).await.unwrap();
    jobs.cancel(&ada, id).await.unwrap();
    jobs.requeue(&admin, id).await.unwrap();
    let filter = AuditFilter {
        action: Some("job.requeued".to_owned()),
        ..AuditFilter::default()
    };
    let told = world.store.audit_after(&filter, 0, 9).await.unwrap();
    assert_eq!(told.len(), 1);
    let record = &told[0].record;
    assert_eq!(
        (record.actor, record.on_behalf_of),
        (Some(admin.user), Some(ada.user))
    );
    assert_eq!(
        jobs.log(&bob, id).await.unwrap_err().code(),
        &codes::NOT_FOUND
    );
}

#[tokio::test]
async fn jobs_wait_for_others_and_fall_with_them() {
    let fault = Error::new(&codes::PLUGIN_FAILED, "no");
    let world = World::generating([Step::FailOnce(fault), Step::Section("one"), Step::Draft]).await;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let after = |ids: &[JobId]| Terms {
        after: ids.to_vec(),
        ..Terms::default()
    };
    // The first to run fails.
    let fails = submit(&world, &ada, Terms::default()).await;
    let falls = submit(&world, &ada, after(&[fails])).await;
    let far = submit(&world, &ada, after(&[falls, fails])).await;
    let foreign = world
        .services
        .jobs
        .submit(&bob, task("ink"), after(&[fails]))
        .await;
    assert_eq!(foreign.unwrap_err().code(), &codes::NOT_FOUND);
    world.services.start_workers(2);
    assert_eq!(ended(&world, fails).await.status, JobStatus::Failed);
    for id in [falls, far] {
        let job = ended(&world, id).await;
        assert_eq!(job.status, JobStatus::Cancelled);
        assert_eq!(job.error.unwrap().code, "dependency_failed");
        assert_eq!(job.attempts, 0);
    }
    let late = world
        .services
        .jobs
        .submit(&ada, task("ink"), after(&[fails]))
        .await;
    assert_eq!(late.unwrap_err().code(), &codes::CONFLICT);

    let first = submit(&world, &ada, Terms::default()).await;
    let second = submit(&world, &ada, after(&[first])).await;
    assert_eq!(ended(&world, second).await.status, JobStatus::Succeeded);
    assert_eq!(ended(&world, first).await.status, JobStatus::Succeeded);

    let many: Vec<JobId> = (0..51).map(|_| JobId::new()).collect();
    let many = world
        .services
        .jobs
        .submit(&ada, task("ink"), after(&many))
        .await;
    assert_eq!(many.unwrap_err().fields()[0].pointer, "/after");
}

#[tokio::test]
async fn a_batch_is_counted_to_its_end() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let jobs = &world.services.jobs;
    let items = vec![item(&[]), item(&[0]), item(&[0, 1])];
    let batch = jobs.submit_batch(&ada, "tides", items).await.unwrap();
    assert_eq!((batch.counts.queued, batch.counts.waiting), (1, 2));
    assert_eq!(jobs.batch(&ada, batch.id).await.unwrap(), batch);
    let hidden = jobs.batch(&bob, batch.id).await.unwrap_err();
    assert_eq!(hidden.code(), &codes::NOT_FOUND);
    let filter = JobFilter {
        batch: Some(batch.id),
        ..JobFilter::default()
    };
    let listed = jobs
        .list(&ada, filter.clone(), page(10))
        .await
        .unwrap()
        .items;
    assert_eq!(listed.len(), 3);
    assert_eq!(jobs.list(&bob, filter, page(10)).await.unwrap().items, []);
    world.services.start_workers(2);
    let wait = async {
        loop {
            let batch = jobs.batch(&ada, batch.id).await.unwrap();
            if batch.ended_at.is_some() {
                return batch;
            }
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, wait).await.unwrap();
    assert_eq!((ended.counts.succeeded, ended.counts.total()), (3, 3));
    let told = EventBody::BatchEnded {
        batch: batch.id,
        counts: ended.counts,
    };
    assert!(bodies(&world).await.contains(&told));
}

#[tokio::test]
async fn a_batch_says_which_job_is_wrong() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let wrong = |edit: fn(&mut BatchItem)| {
        let mut wrong = item(&[]);
        edit(&mut wrong);
        wrong
    };
    for (items, pointer) in [
        (vec![], "/jobs"),
        (vec![item(&[]); 201], "/jobs"),
        (vec![item(&[0])], "/jobs/0/after_jobs"),
        (vec![item(&[]), item(&[1])], "/jobs/1/after_jobs"),
        (
            vec![
                item(&[]),
                wrong(|it| it.task.input = serde_json::json!({ "topic": 7 })),
            ],
            "/jobs/1/generate/input/topic",
        ),
        (
            vec![wrong(|it| it.terms.after = vec![JobId::new(); 51])],
            "/jobs/0/generate/after",
        ),
    ] {
        let refused = world.services.jobs.submit_batch(&ada, "", items).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.fields()[0].pointer, pointer, "{refused:?}");
    }
    let listed = world
        .services
        .jobs
        .list(&ada, JobFilter::default(), page(10));
    assert_eq!(listed.await.unwrap().items, []);
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten() {
    let jobs = JobsConfig {
        kept: Some(TimeDelta::days(30)),
        ..test_jobs()
    };
    let world = World::with([Step::Draft], jobs).await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada, Terms::default()).await;
    let open = Terms {
        run_at: Some(world.clock.now() + TimeDelta::days(60)),
        ..Terms::default()
    };
    let open = submit(&world, &ada, open).await;
    world.services.start_workers(1);
    ended(&world, id).await;
    world.clock.advance(Duration::from_secs(31 * 86_400));
    let forget = Arc::clone(&world.services.jobs).forget_old(CancellationToken::new());
    let _forgetting = AbortOnDropHandle::new(tokio::spawn(forget));
    let gone = async {
        while world.store.job(id).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    assert!(world.store.job(open).await.unwrap().is_some());
}
