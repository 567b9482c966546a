//! Jobs that meet trouble: crashes, lost leases, faults that pass and faults that do not.

use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::content::ArticleFilter;
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::JobId;
use inkstone_domain::job::{Job, JobLimits, JobStatus, Progress};
use inkstone_domain::ports::{ArticleStore, Clock, EventLog, JobStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, codes};
use inkstone_services::jobs::{Terms, WorkKinds, WorkerPowers};
use inkstone_testkit::{Gate, Say, Step};
use tokio_util::sync::CancellationToken;

use crate::jobs::task;
use crate::world::{PATIENCE, World, job_when, page, test_jobs};

async fn run(script: Vec<Step>) -> (World, Job) {
    let world = World::generating(script).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada, "ink").await;
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    (world, job)
}

async fn submit(world: &World, who: &Principal, topic: &str) -> JobId {
    let submitted = world
        .services
        .jobs
        .submit(who, task(topic), Terms::default())
        .await;
    submitted.unwrap().id
}

async fn articles(world: &World) -> usize {
    let page = world
        .store
        .list_articles(ArticleFilter::default(), page(100))
        .await;
    page.unwrap().items.len()
}

#[tokio::test]
async fn a_crash_resumes_at_the_checkpoint_and_repeats_nothing() {
    let gate = Gate::closed();
    let world = World::generating([
        Step::Section("one"),
        Step::Section("two"),
        Step::Wait(gate.clone()),
        Step::Section("three"),
        Step::Draft,
    ])
    .await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada, "ink").await;

    // The crash: a worker that vanishes without a word.
    let worker = world.services.jobs.worker(WorkerPowers {
        users: world.store.clone(),
        chat: world.services.chat.clone(),
        search: world.services.search.clone(),
        kinds: WorkKinds::default(),
    });
    let crashing = tokio::spawn(async move { worker.run(1, CancellationToken::new()).await });
    gate.reached().await;
    crashing.abort();
    let _ = crashing.await;
    let job = world.store.job(id).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempts), (JobStatus::Running, 1));

    // Its lease runs out, and another engine finds it by looking.
    gate.open();
    world.clock.advance(Duration::from_secs(601));
    let restarted = world.another_engine().await;
    restarted.start_workers(1);
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Succeeded, 2));
    assert_eq!(world.generator.sections(), ["one", "two", "three"]);
    let resumes = world.generator.resumes();
    assert_eq!(resumes[0], None);
    assert_eq!(
        resumes[1].as_deref(),
        Some(&b"one: write one\ntwo: write two"[..])
    );

    let article = job.article.unwrap();
    let provenance = world.store.provenance(article).await.unwrap().unwrap();
    assert_eq!(provenance.calls.len(), 3, "also the calls before the crash");
    assert_eq!(provenance.usage.input_tokens, 6);
    assert_eq!(articles(&world).await, 1);
}

#[tokio::test]
async fn a_shutdown_hands_the_job_back() {
    let gate = Gate::closed();
    let world = World::generating([
        Step::Section("one"),
        Step::Wait(gate.clone()),
        Step::Section("two"),
        Step::Draft,
    ])
    .await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada, "ink").await;
    gate.reached().await;
    let watch = world.services.jobs.watch(&ada, id).await.unwrap();
    assert!(world.services.shutdown(PATIENCE).await);
    let seen: Vec<_> = watch.collect().await;
    assert!(
        !seen.is_empty(),
        "the watch ended with the engine, not with the job"
    );
    let job = world.store.job(id).await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Queued);

    // No lease to wait for: it goes on at once.
    gate.open();
    world.another_engine().await.start_workers(1);
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Succeeded);
    assert_eq!(world.generator.sections(), ["one", "two"]);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_commits_nothing() {
    let gate = Gate::closed();
    let world = World::generating([Step::Wait(gate.clone()), Step::Draft]).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada, "ink").await;
    gate.reached().await;

    // Somebody else takes over while the first worker sleeps.
    world.clock.advance(Duration::from_secs(601));
    let now = world.clock.now();
    let lease = Duration::from_secs(600);
    let taken = world
        .store
        .claim("somebody else", lease, &JobLimits::default(), now)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(taken.job.id, id);
    gate.open();
    // The first worker's end shows in its going back to look for work.
    let other = submit(&world, &ada, "other").await;
    job_when(&world.store, other, |job| job.status.is_final()).await;

    let job = world.store.job(id).await.unwrap().unwrap();
    assert_eq!((job.status, job.article), (JobStatus::Running, None));
    assert_eq!(articles(&world).await, 1, "only the other job's");
    let progress = Progress::default();
    let kept = world
        .store
        .heartbeat(id, taken.fence, lease, &progress, now)
        .await;
    assert!(!kept.unwrap(), "the new owner still has it");
}

#[tokio::test]
async fn a_lost_lease_stops_the_work() {
    let gate = Gate::closed();
    let jobs = inkstone_services::JobsConfig {
        lease: Duration::from_millis(90),
        ..test_jobs()
    };
    let script = [Step::Wait(gate.clone()), Step::Section("one"), Step::Draft];
    let world = World::with(script, jobs).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let id = submit(&world, &ada, "ink").await;
    gate.reached().await;
    let later = world.clock.now() + Duration::from_secs(3_600);
    let lease = Duration::from_secs(600);
    let taken = world
        .store
        .claim("somebody else", lease, &JobLimits::default(), later)
        .await;
    assert_eq!(taken.unwrap().unwrap().job.id, id);

    // The heartbeat hears of it and drops the guest, which never comes through the gate: the worker
    // is free for another job while the gate is still closed.
    let other = submit(&world, &ada, "other").await;
    gate.reached_times(2).await;
    gate.open();
    job_when(&world.store, other, |job| job.status.is_final()).await;
    assert_eq!(world.generator.sections(), ["one"], "only the other job's");
    let job = world.store.job(id).await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Running);
}

#[tokio::test]
async fn a_trap_fails_the_job_at_once_and_names_the_plugin() {
    for code in [
        &codes::PLUGIN_TRAPPED,
        &codes::PLUGIN_DEADLINE,
        &codes::PLUGIN_FAILED,
    ] {
        let (world, job) = run(vec![
            Step::Section("one"),
            Step::Fail(Error::new(code, "boom")),
        ])
        .await;
        assert_eq!((job.status, job.attempts), (JobStatus::Failed, 1));
        let error = job.error.unwrap();
        assert_eq!(error.code, code.name);
        assert_eq!(error.message, "plugin `generator-fake`: boom");
        assert_eq!(articles(&world).await, 0);
        let events = world.store.events(None, 10).await.unwrap();
        let failed = EventBody::JobFailed {
            job: job.id,
            code: code.name.to_owned(),
        };
        assert_eq!(events.last().unwrap().body, failed);
    }
}

#[tokio::test]
async fn a_fault_that_passes_is_tried_again_from_the_checkpoint() {
    let fault = Error::new(&codes::UPSTREAM_UNREACHABLE, "down");
    let (world, job) = run(vec![
        Step::Section("one"),
        Step::FailOnce(fault),
        Step::Section("two"),
        Step::Draft,
    ])
    .await;
    assert_eq!((job.status, job.attempts), (JobStatus::Succeeded, 2));
    assert_eq!(world.generator.sections(), ["one", "two"]);
}

#[tokio::test]
async fn a_fault_that_stays_ends_the_job_after_the_last_attempt() {
    let fault = Error::new(&codes::UPSTREAM_UNREACHABLE, "down");
    let (world, job) = run(vec![Step::Fail(fault)]).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Dead, 3));
    assert_eq!(job.error.unwrap().code, "upstream_unreachable");
    assert_eq!(world.generator.resumes().len(), 3);
}

#[tokio::test]
async fn an_error_of_the_model_reaches_the_job() {
    let world = World::generating([Step::Section("one"), Step::Draft]).await;
    let ada = world.somebody(Role::Creator).await;
    let long = Error::new(&codes::CONTEXT_TOO_LONG, "the prompt has too many tokens");
    world.provider.will_say([Say::Fail(long)]);
    world.services.start_workers(1);
    let id = submit(&world, &ada, "ink").await;
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Failed, 1));
    assert_eq!(job.error.unwrap().code, "context_too_long");
}

#[tokio::test]
async fn a_run_without_a_draft_is_the_plugins_fault() {
    let (_, job) = run(vec![Step::Section("one")]).await;
    assert_eq!(
        job.error.unwrap().message,
        "the plugin `generator-fake` ended without a draft"
    );
}
