//! Jobs that go well: submit, run, watch, cancel.

use futures::StreamExt;
use inkstone_domain::audit::AuditFilter;
use inkstone_domain::content::{Cause, Status};
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::JobId;
use inkstone_domain::job::{GenerateTask, Job, JobFilter, JobStatus};
use inkstone_domain::ports::{AuditLog, EventLog};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_services::Services;
use inkstone_services::jobs::{JobUpdate, JobUpdates, Terms};
use inkstone_testkit::{Gate, Step};
use serde_json::json;

use crate::world::{PATIENCE, World, handbook, job_when, join, page};

pub fn task(topic: &str) -> GenerateTask {
    GenerateTask {
        plugin: "generator-fake".to_owned(),
        template: "article".to_owned(),
        input: json!({ "topic": topic }),
        model: None,
        project: "default".to_owned(),
        pins: Vec::new(),
        publish_at: None,
    }
}

/// All updates to the end of the job.
async fn all(updates: JobUpdates) -> Vec<JobUpdate> {
    let read = updates.map(Result::unwrap).collect::<Vec<_>>();
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the watch never ended")
}

fn ended(updates: &[JobUpdate]) -> &Job {
    match updates.last() {
        Some(JobUpdate::Ended(job)) => job,
        other => panic!("the last update is {other:?}"),
    }
}

async fn submit(world: &World, who: &Principal) -> JobId {
    submit_to(&world.services, who).await
}

pub async fn submit_to(engine: &Services, who: &Principal) -> JobId {
    engine
        .jobs
        .submit(who, task("ink"), Terms::default())
        .await
        .unwrap()
        .id
}

#[tokio::test]
async fn a_job_becomes_an_article_with_provenance() {
    let world = World::generating([Step::Section("one"), Step::Section("two"), Step::Draft]).await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada).await;
    assert_eq!(
        world.services.jobs.get(&ada, id).await.unwrap().status,
        JobStatus::Queued
    );
    let updates = world.services.jobs.watch(&ada, id).await.unwrap();
    world.services.start_workers(1);

    let updates = all(updates).await;
    assert!(matches!(&updates[0], JobUpdate::Snapshot(job) if job.status == JobStatus::Queued));
    let told: Vec<String> = updates
        .iter()
        .filter_map(|update| match update {
            JobUpdate::Text(text) => Some(text.clone()),
            JobUpdate::Progress(progress) => Some(format!("{}/{}", progress.done, progress.total)),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["1/2", "write one", "2/2", "write two"]);
    let job = ended(&updates);
    assert_eq!((job.status, job.attempts), (JobStatus::Succeeded, 1));

    let article_id = job.article.unwrap();
    let articles = &world.services.articles;
    let article = articles.get(&ada, article_id).await.unwrap();
    assert_eq!((article.owner, article.job), (ada.user, Some(id)));
    assert_eq!(
        (article.slug.as_str(), article.text.status),
        ("about-ink", Status::Draft)
    );
    assert_eq!(article.text.body, "one: write one\n\ntwo: write two");
    let revisions = articles
        .revisions(&ada, article_id, page(10))
        .await
        .unwrap();
    let plugin = "generator-fake".to_owned();
    assert_eq!(revisions.items[0].cause, Cause::Job { job: id, plugin });

    let provenance = articles.provenance(&ada, article_id).await.unwrap();
    assert_eq!((provenance.job, provenance.revision), (id, 1));
    assert_eq!(provenance.plugin_digest, "digest-of-generator-fake-1.0.0");
    assert_eq!(
        (provenance.model.as_str(), provenance.calls.len()),
        ("fake/tiny", 2)
    );
    assert_eq!(
        (
            provenance.usage.input_tokens,
            provenance.usage.output_tokens
        ),
        (4, 4)
    );
    let call = &provenance.calls[0];
    assert_eq!(
        (call.provider.as_str(), call.prompt_sha256.len()),
        ("provider-fake", 64)
    );
    assert_ne!(call.prompt_sha256, provenance.calls[1].prompt_sha256);

    let ledger = world.usage(2).await;
    assert!(
        ledger
            .iter()
            .all(|line| line.job == Some(id) && line.user == ada.user)
    );
    let events = world.store.events(None, 10).await.unwrap();
    let bodies: Vec<EventBody> = events.into_iter().map(|event| event.body).collect();
    let (article, job) = (article_id, id);
    assert!(bodies.contains(&EventBody::ArticleCreated {
        article,
        revision: 1,
        status: Some(Status::Draft),
    }));
    assert!(bodies.contains(&EventBody::JobSucceeded {
        job,
        article: Some(article)
    }));
}

#[tokio::test]
async fn what_cannot_run_is_refused_before_it_is_queued() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    let change = |edit: fn(&mut GenerateTask)| {
        let mut task = task("ink");
        edit(&mut task);
        task
    };
    for (who, task, code) in [
        (&viewer, task("ink"), "forbidden"),
        (
            &ada,
            change(|t| t.plugin = "none".to_owned()),
            "unknown_plugin",
        ),
        (
            &ada,
            change(|t| t.template = "none".to_owned()),
            "unknown_template",
        ),
        (
            &ada,
            change(|t| t.input = json!({ "topic": 7 })),
            "schema_mismatch",
        ),
        (
            &ada,
            change(|t| t.model = Some("none/x".to_owned())),
            "unknown_model",
        ),
        (
            &ada,
            change(|t| t.project = "No Project".to_owned()),
            "invalid_input",
        ),
    ] {
        let error = world
            .services
            .jobs
            .submit(who, task, Terms::default())
            .await
            .unwrap_err();
        assert_eq!(error.code().name, code);
    }
    let listed = world
        .services
        .jobs
        .list(&ada, JobFilter::default(), page(10))
        .await
        .unwrap();
    assert_eq!(listed.items, []);
    assert_eq!(world.services.jobs.templates()[0].template.id, "article");
}

#[tokio::test]
async fn a_job_writes_where_its_owner_may() {
    let world = World::new().await;
    let jobs = &world.services.jobs;
    let boss = world.somebody(Role::Creator).await;
    let project = handbook(&world, &boss).await;
    let into = |project: &str| GenerateTask {
        project: project.to_owned(),
        ..task("ink")
    };
    for (role, want) in [
        (None, "not_found"),
        (Some(ProjectRole::Viewer), "forbidden"),
        (Some(ProjectRole::Reviewer), "forbidden"),
        (Some(ProjectRole::Editor), "ok"),
        (Some(ProjectRole::Owner), "ok"),
    ] {
        let who = world.somebody(Role::Creator).await;
        if let Some(role) = role {
            join(&world, &boss, &who, role).await;
        }
        let done = jobs.submit(&who, into(&project), Terms::default()).await;
        let code = done.err().map_or("ok", |error| error.code().name);
        assert_eq!(code, want, "{role:?}");
    }
    let admin = world.somebody(Role::Admin).await;
    let lost = jobs
        .submit(&admin, into("nowhere"), Terms::default())
        .await
        .unwrap_err();
    assert_eq!(lost.code().name, "not_found");
    jobs.submit(&admin, into(&project), Terms::default())
        .await
        .unwrap();
    let filter = AuditFilter {
        action: Some("project.entered".to_owned()),
        ..AuditFilter::default()
    };
    let entered = world.store.audit_after(&filter, 0, 9).await.unwrap();
    assert_eq!(entered.len(), 1);
    let projects = &world.services.projects;
    projects.archive(&boss, &project, None).await.unwrap();
    let late = jobs
        .submit(&boss, into(&project), Terms::default())
        .await
        .unwrap_err();
    assert_eq!(late.code().name, "conflict");
}

#[tokio::test]
async fn jobs_are_seen_by_their_owners_and_admins() {
    let world = World::new().await;
    let jobs = &world.services.jobs;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let id = submit(&world, &ada).await;
    assert_eq!(
        jobs.get(&bob, id).await.unwrap_err().code().name,
        "not_found"
    );
    assert_eq!(
        jobs.cancel(&bob, id).await.unwrap_err().code().name,
        "not_found"
    );
    assert!(jobs.watch(&bob, id).await.is_err());
    assert_eq!(jobs.get(&admin, id).await.unwrap().id, id);
    assert_eq!(
        jobs.list(&bob, JobFilter::default(), page(10))
            .await
            .unwrap()
            .items
            .len(),
        0
    );
    assert_eq!(
        jobs.list(&admin, JobFilter::default(), page(10))
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let id = submit(&world, &ada).await;
    let updates = world.services.jobs.watch(&ada, id).await.unwrap();
    let job = world.services.jobs.cancel(&ada, id).await.unwrap();
    assert_eq!(job.status, JobStatus::Cancelled);
    assert_eq!(ended(&all(updates).await).status, JobStatus::Cancelled);
    let again = world.services.jobs.cancel(&ada, id).await.unwrap_err();
    assert_eq!(again.kind(), inkstone_domain::ErrorKind::Conflict);
}

#[tokio::test]
async fn a_running_job_stops_where_it_is_when_cancelled() {
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
    let id = submit(&world, &ada).await;
    gate.reached().await;
    let live = world.services.jobs.get(&ada, id).await.unwrap();
    assert_eq!((live.status, live.progress.done), (JobStatus::Running, 1));

    // Leases are ten minutes here: the cancel is heard at once, not with the heartbeat.
    let updates = world.services.jobs.watch(&ada, id).await.unwrap();
    let asked = world.services.jobs.cancel(&ada, id).await.unwrap();
    assert!(asked.cancel_requested);
    let job = ended(&all(updates).await).clone();
    assert_eq!((job.status, job.article), (JobStatus::Cancelled, None));
    assert_eq!(world.generator.sections(), ["one"]);
    let events = world.store.events(None, 10).await.unwrap();
    assert_eq!(
        events.last().unwrap().body,
        EventBody::JobCancelled { job: id }
    );
}

#[tokio::test]
async fn many_jobs_are_done_once_each() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(4);
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(submit(&world, &ada).await);
    }
    for id in ids {
        let job = job_when(&world.store, id, |job| job.status.is_final()).await;
        assert_eq!((job.status, job.attempts), (JobStatus::Succeeded, 1));
    }
    assert_eq!(world.generator.resumes().len(), 12);
}

#[tokio::test]
async fn a_job_elsewhere_is_watched_through_the_store() {
    let gate = Gate::closed();
    let world =
        World::generating([Step::Wait(gate.clone()), Step::Section("one"), Step::Draft]).await;
    let ada = world.somebody(Role::Creator).await;
    let elsewhere = world.another_engine().await;
    let id = submit(&world, &ada).await;
    elsewhere.start_workers(1);
    gate.reached().await;
    let mut updates = world.services.jobs.watch(&ada, id).await.unwrap();
    let first = updates.next().await.unwrap().unwrap();
    assert!(matches!(first, JobUpdate::Snapshot(job) if job.status == JobStatus::Running));
    gate.open();
    assert_eq!(ended(&all(updates).await).status, JobStatus::Succeeded);
}
