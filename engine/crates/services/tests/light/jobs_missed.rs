//! Jobs that cannot be done here now wait for an engine that can do them; and jobs that get nowhere, however often they
//! are begun, are dead letters.

use std::time::Duration;

use chrono::TimeDelta;
use inkstone_domain::ids::JobId;
use inkstone_domain::job::{
    Checkpoint, ClaimedJob, GenerateTask, Job, JobLimits, JobStatus, Priority, Task,
};
use inkstone_domain::ports::{Clock, JobStore, NewJob};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, codes};
use inkstone_services::jobs::Terms;
use inkstone_services::{JobsConfig, Services};
use inkstone_testkit::{Step, plugin_spec};

use crate::jobs::task;
use crate::world::{World, job_when, test_jobs};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
/// That of [`test_jobs`].
const LEASE: Duration = Duration::from_secs(600);

async fn submit(world: &World, who: &Principal) -> JobId {
    let jobs = &world.services.jobs;
    let job = jobs.submit(who, task("ink"), Terms::default()).await;
    job.unwrap().id
}

async fn load(services: &Services, is_enabled: bool) {
    let mut specs = ["provider-fake", "generator-fake"].map(plugin_spec);
    specs[1].enabled = is_enabled;
    services.plugins.apply(specs.into()).await;
}

async fn ended(world: &World, id: JobId) -> Job {
    job_when(&world.store, id, |job| job.status.is_final()).await
}

async fn passed_on(world: &World, id: JobId) -> Job {
    let now = world.clock.now();
    let is_passed_on = |job: &Job| job.status == JobStatus::Queued && job.run_at > now;
    job_when(&world.store, id, is_passed_on).await
}

/// By a worker that will never be heard of again.
async fn claim(world: &World) -> ClaimedJob {
    let limits = JobLimits::default();
    let claimed = world
        .store
        .claim("a doomed one", LEASE, &limits, world.clock.now());
    claimed.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_job_waits_until_its_plugin_is_loaded() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada).await;
    let other = world.another_engine().await;
    load(&other, false).await;
    // Whoever asks for what is not there is told so.
    let refused = other.jobs.submit(&ada, task("ink"), Terms::default()).await;
    assert_eq!(refused.unwrap_err().code(), &codes::UNKNOWN_PLUGIN);
    other.start_workers(1);
    let mut so_far = 0;
    for wait in [30, 30, 60, 120, 240, 300, 300] {
        let job = passed_on(&world, id).await;
        assert_eq!(
            job.run_at - world.clock.now(),
            TimeDelta::seconds(wait),
            "after {so_far} s"
        );
        assert_eq!((job.attempts, job.retries, job.started_at), (0, 0, None));
        let error = job.error.unwrap();
        assert_eq!(error.code, "unknown_plugin");
        for words in ["`generator-fake`", "not loaded here", "is disabled"] {
            assert!(error.message.contains(words), "{words}: {}", error.message);
        }
        so_far += wait;
        world.clock.set(job.run_at);
    }
    passed_on(&world, id).await;
    let log = world.services.jobs.log(&ada, id).await.unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].message.contains("not loaded here"), "{log:?}");

    load(&other, true).await;
    world.clock.advance(SECOND * 300);
    let done = ended(&world, id).await;
    assert_eq!(
        (done.status, done.attempts, done.error),
        (JobStatus::Succeeded, 1, None)
    );
}

#[tokio::test]
async fn another_engine_does_what_one_cannot() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada).await;
    let other = world.another_engine().await;
    load(&other, false).await;
    other.start_workers(1);
    let job = passed_on(&world, id).await;
    assert!(other.shutdown(crate::world::PATIENCE).await);
    world.services.start_workers(1);
    world.clock.set(job.run_at);
    assert_eq!(ended(&world, id).await.status, JobStatus::Succeeded);
}

/// Versions and templates are there or not like whole plugins.
#[tokio::test]
async fn a_version_or_template_that_is_not_here_is_waited_for() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let pinned = GenerateTask {
        pins: vec!["generator-fake@2.0.0".parse().unwrap()],
        ..task("ink")
    };
    let newer = GenerateTask {
        template: "poem".to_owned(),
        ..task("ink")
    };
    for (task, code) in [(pinned, "unknown_version"), (newer, "unknown_template")] {
        // As an engine queued it that has both.
        let now = world.clock.now();
        let new = NewJob {
            id: JobId::new(),
            owner: ada.user,
            task: Task::Generate(task),
            priority: Priority::Normal,
            run_at: now,
            after: Vec::new(),
            enqueued_at: now,
        };
        let id = world.store.submit(new).await.unwrap().id;
        let job = passed_on(&world, id).await;
        assert_eq!(
            (job.attempts, job.error.unwrap().code),
            (0, code.to_owned())
        );
    }
}

#[tokio::test]
async fn what_nobody_can_do_for_a_day_is_a_dead_letter_and_goes_on_later() {
    let down = Error::new(&codes::UPSTREAM_UNREACHABLE, "down");
    let down = down.with_retry_after(Some(SECOND * 90));
    let world = World::generating([
        Step::Section("one"),
        Step::FailOnce(down),
        Step::Section("two"),
        Step::Draft,
    ])
    .await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada).await;
    let job = passed_on(&world, id).await;
    assert_eq!((job.attempts, job.retries), (1, 1));
    load(&world.services, false).await;
    world.clock.set(job.run_at);
    let job = passed_on(&world, id).await;
    assert_eq!((job.attempts, job.retries), (1, 1));
    assert_eq!(job.error.unwrap().code, "unknown_plugin");
    world.clock.advance(DAY - SECOND);
    let job = passed_on(&world, id).await;
    assert_eq!(job.status, JobStatus::Queued, "not a day yet");
    world.clock.set(job.run_at);
    let dead = ended(&world, id).await;
    assert_eq!((dead.status, dead.retries), (JobStatus::Dead, 1));
    let error = dead.error.unwrap();
    assert_eq!(error.code, "unknown_plugin");
    assert!(error.message.contains("for a day"), "{}", error.message);

    load(&world.services, true).await;
    world.services.jobs.requeue(&ada, id).await.unwrap();
    assert_eq!(ended(&world, id).await.status, JobStatus::Succeeded);
    assert_eq!(world.generator.sections(), ["one", "two"], "nothing twice");
}

#[tokio::test]
async fn a_job_that_takes_its_engines_down_is_stopped_and_keeps_its_checkpoint() {
    let world = World::generating([Step::Section("one"), Step::Section("two"), Step::Draft]).await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada).await;
    let first = claim(&world).await;
    let checkpoint = Checkpoint {
        state: "one: write one".into(),
        ..Checkpoint::default()
    };
    let saved = world.store.save_checkpoint(id, first.fence, &checkpoint);
    saved.await.unwrap();
    for _ in 0..10 {
        world.clock.advance(LEASE);
        claim(&world).await;
    }
    world.clock.advance(LEASE);
    world.services.start_workers(1);
    let dead = ended(&world, id).await;
    assert_eq!((dead.status, dead.attempts), (JobStatus::Dead, 12));
    let error = dead.error.unwrap();
    assert_eq!(error.code, "internal");
    assert!(error.message.contains("10 times in a row"), "{error:?}");
    assert_eq!(world.generator.resumes().len(), 0, "not begun once more");

    world.services.jobs.requeue(&ada, id).await.unwrap();
    assert_eq!(ended(&world, id).await.status, JobStatus::Succeeded);
    assert_eq!(world.generator.sections(), ["two"]);
}

#[tokio::test]
async fn a_job_that_gets_on_may_be_handed_back_and_taken_over_for_ever() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada).await;
    for _ in 0..60 {
        let claimed = claim(&world).await;
        world.store.release(id, claimed.fence).await.unwrap();
    }
    for number in 0..60 {
        let checkpoint = Checkpoint {
            state: format!("step {number}").into(),
            ..Checkpoint::default()
        };
        let claimed = claim(&world).await;
        let saved = world.store.save_checkpoint(id, claimed.fence, &checkpoint);
        saved.await.unwrap();
        world.clock.advance(LEASE);
    }
    world.services.start_workers(1);
    let done = ended(&world, id).await;
    assert_eq!((done.status, done.attempts), (JobStatus::Succeeded, 121));
}

#[tokio::test]
async fn every_try_that_is_configured_is_made() {
    let down = Error::new(&codes::UPSTREAM_UNREACHABLE, "down");
    let jobs = JobsConfig {
        max_attempts: 60,
        ..test_jobs()
    };
    let world = World::with([Step::Fail(down)], jobs).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada).await;
    let dead = ended(&world, id).await;
    assert_eq!((dead.status, dead.attempts), (JobStatus::Dead, 60));
    assert_eq!(dead.error.unwrap().code, "upstream_unreachable");
}

#[tokio::test]
async fn an_outage_of_some_minutes_is_survived_by_default() {
    let down = Error::new(&codes::UPSTREAM_UNREACHABLE, "down");
    let jobs = JobsConfig {
        poll_interval: Duration::from_millis(20),
        lease: LEASE,
        ..JobsConfig::default()
    };
    let world = World::with([Step::Fail(down)], jobs).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada).await;
    let began = world.clock.now();
    for retries in 1..=9 {
        let job = job_when(&world.store, id, |job| job.retries == retries).await;
        world.clock.set(job.run_at);
    }
    assert_eq!(ended(&world, id).await.status, JobStatus::Dead);
    let tried_for = world.clock.now() - began;
    assert!(tried_for >= TimeDelta::minutes(8), "{tried_for}");
    assert!(tried_for <= TimeDelta::minutes(18), "{tried_for}");
}
