//! Imports that were cut off, in the middle or before they began, and those that were called off.

use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use inkstone_domain::codes;
use inkstone_domain::engine::EngineRole;
use inkstone_domain::job::{Job, JobStatus};
use inkstone_domain::ports::{ArticleStore, Clock, TransferStore};
use inkstone_domain::principal::Role;
use inkstone_domain::project::ProjectRole;
use inkstone_domain::transfer::{Format, OnConflict, Outcome};
use inkstone_services::JobsConfig;
use inkstone_services::transfer::NewImport;
use serde_json::json;

use super::{PROJECT, ended, import, lines, new, outcomes, send};
use crate::world::{World, handbook, join, page, test_jobs};

fn many(count: usize) -> String {
    let record = |number: usize| json!({ "title": format!("Number {number}"), "slug": "same" });
    lines(&(0..count).map(record).collect::<Vec<_>>())
}

#[tokio::test]
async fn what_was_cut_off_goes_on_without_doubling() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let services = &world.services;
    // Creations that would clash with themselves, were they made twice.
    let sent = send(
        services,
        &owner,
        new(Format::Jsonl, OnConflict::Fail),
        many(12),
    )
    .await;
    let sent = sent.unwrap();
    services.start_workers(1);
    while world.store.import(sent.id).await.unwrap().unwrap().position < 4 {
        tokio::task::yield_now().await;
    }
    // As after `kill -9`: nothing is said to anybody, and another engine takes up what is stored.
    services.shutdown(std::time::Duration::ZERO).await;
    let next = world.another_engine().await;
    next.start_workers(1);
    let done = ended(&next, &owner, sent).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    assert_eq!((done.position, done.counts.created), (12, 12));
    let report = next
        .transfers
        .report(&owner, PROJECT, done.id, 0)
        .await
        .unwrap();
    let numbers: Vec<u64> = report.iter().map(|line| line.number).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<u64>>());
    assert_eq!(outcomes(&report), [Outcome::Created; 12]);
    let all = world
        .store
        .list_articles(Default::default(), page(100))
        .await;
    assert_eq!(all.unwrap().items.len(), 12);
}

#[tokio::test]
async fn an_import_that_never_came_into_the_queue_is_put_there() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let import = inkstone_testkit::sample::import(PROJECT, owner.user);
    let audit = inkstone_testkit::sample::audit(owner.user);
    world.store.create_import(&import, &audit).await.unwrap();
    let file = world.folder.path().join(import.id.to_string());
    std::fs::write(&file, many(2)).unwrap();
    let orphan = world.folder.path().join("imp_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P");
    std::fs::write(&orphan, "left over").unwrap();
    let other = world.folder.path().join("notes.txt");
    std::fs::write(&other, "not ours").unwrap();
    let next = world.another_engine().await;
    assert!(file.exists() && other.exists() && !orphan.exists());
    next.start_workers(1);
    let done = ended(&next, &owner, import).await;
    assert_eq!(
        (done.status, done.counts.created),
        (JobStatus::Succeeded, 2)
    );
    assert!(!file.exists());
}

#[tokio::test]
async fn a_file_that_is_gone_fails_its_import() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let sent = send(
        &world.services,
        &owner,
        new(Format::Jsonl, OnConflict::Skip),
        many(2),
    )
    .await;
    let sent = sent.unwrap();
    std::fs::remove_file(world.folder.path().join(sent.id.to_string())).unwrap();
    world.services.start_workers(1);
    let done = ended(&world.services, &owner, sent).await;
    assert_eq!(done.status, JobStatus::Failed);
    assert!(done.error.unwrap().message.contains("import it again"));
}

#[tokio::test]
async fn one_that_is_called_off_stays_off() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let services = &world.services;
    let sent = send(
        services,
        &owner,
        new(Format::Jsonl, OnConflict::Skip),
        many(3),
    )
    .await;
    let sent = sent.unwrap();
    let off = services
        .transfers
        .cancel(&owner, PROJECT, sent.id)
        .await
        .unwrap();
    assert_eq!(off.status, JobStatus::Cancelled);
    let again = services.transfers.cancel(&owner, PROJECT, sent.id).await;
    assert_eq!(again.unwrap_err().code(), &codes::CONFLICT);
    services.start_workers(1);
    let job = crate::world::job_when(&world.store, sent.job, |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Succeeded, "{:?}", job.error);
    let all = world
        .store
        .list_articles(Default::default(), page(100))
        .await;
    assert_eq!(all.unwrap().items, []);
}

/// The file lies with one engine, and another one claims its job, again and again.
#[tokio::test]
async fn an_import_is_left_to_the_engine_that_has_its_file() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let folder = tempfile::tempdir().unwrap();
    let role = EngineRole::All;
    let other = world.engine_elsewhere("other", role, folder.path()).await;
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let sent = send(&world.services, &owner, skip, many(2)).await.unwrap();
    other.start_workers(1);
    for round in 0..12 {
        let now = world.clock.now();
        let is_passed_on = |job: &Job| job.status == JobStatus::Queued && job.run_at > now;
        let job = crate::world::job_when(&world.store, sent.job, is_passed_on).await;
        assert_eq!((job.attempts, job.retries), (0, 0), "round {round}");
        if round == 0 {
            assert_eq!(job.run_at - now, TimeDelta::seconds(1));
        }
        let why = job.error.unwrap().message;
        assert!(why.contains("with the engine `engine`"), "{why}");
        world.clock.set(job.run_at);
    }
    assert!(other.shutdown(crate::world::PATIENCE).await);
    world.clock.advance(std::time::Duration::from_secs(300));
    world.services.start_workers(1);
    let done = ended(&world.services, &owner, sent).await;
    assert_eq!(
        (done.status, done.counts.created),
        (JobStatus::Succeeded, 2)
    );
}

#[tokio::test]
async fn an_engine_without_workers_takes_no_files() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let folder = tempfile::tempdir().unwrap();
    let front = world
        .engine_elsewhere("front", EngineRole::Api, folder.path())
        .await;
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let refused = send(&front, &owner, skip, many(2)).await.unwrap_err();
    assert_eq!(refused.code(), &codes::CONFLICT);
    assert!(refused.message().contains("role `all`"), "{refused:?}");
    assert!(folder.path().read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn what_was_ended_elsewhere_leaves_no_file() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let folder = tempfile::tempdir().unwrap();
    let role = EngineRole::All;
    let other = world.engine_elsewhere("other", role, folder.path()).await;
    let transfers = &world.services.transfers;
    let mut sent = Vec::new();
    for _ in 0..3 {
        let skip = new(Format::Jsonl, OnConflict::Skip);
        let one = send(&world.services, &owner, skip, many(1)).await.unwrap();
        sent.push(one);
    }
    other
        .transfers
        .cancel(&owner, PROJECT, sent[0].id)
        .await
        .unwrap();
    // Nobody ever asks for the import itself.
    other.jobs.cancel(&owner, sent[1].job).await.unwrap();
    let files = || world.folder.path().read_dir().unwrap().count();
    assert_eq!(files(), 3);
    other.transfers.tidy().await.unwrap();
    assert_eq!(files(), 3);
    transfers.tidy().await.unwrap();
    assert_eq!(files(), 1);
    let status = async |number: usize| {
        let import = world.store.import(sent[number].id).await;
        import.unwrap().unwrap().status
    };
    assert_eq!(status(1).await, JobStatus::Cancelled);
    assert_eq!(status(2).await, JobStatus::Queued);

    // What is just being sent is needed.
    let again = Arc::clone(&world.services);
    let tidied = async move {
        again.transfers.tidy().await?;
        Ok(Bytes::from(many(1)))
    };
    let body = stream::iter([Ok(Bytes::from(many(1)))]).chain(stream::once(tidied));
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let last = transfers.import(&owner, PROJECT, skip, body).await.unwrap();
    transfers.tidy().await.unwrap();
    world.services.start_workers(1);
    let done = ended(&world.services, &owner, last).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    assert_eq!(done.position, 2);
}

#[tokio::test]
async fn nobody_has_too_many_imports_open() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let other = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    join(&world, &owner, &other, ProjectRole::Editor).await;
    let services = &world.services;
    let try_one = async |who| {
        let dry = NewImport {
            dry_run: true,
            ..new(Format::Jsonl, OnConflict::Skip)
        };
        send(services, who, dry, many(1)).await
    };
    let mut sent = Vec::new();
    for _ in 0..10 {
        sent.push(try_one(&owner).await.unwrap());
    }
    for _ in 0..2 {
        let refused = try_one(&owner).await.unwrap_err();
        assert_eq!(refused.code(), &codes::CONFLICT);
        assert!(refused.message().contains("10 imports"), "{refused:?}");
    }
    assert_eq!(world.folder.path().read_dir().unwrap().count(), 10);
    try_one(&other).await.unwrap();
    // Those whose jobs have ended are none.
    services.jobs.cancel(&owner, sent[4].job).await.unwrap();
    try_one(&owner).await.unwrap();
    assert!(try_one(&owner).await.is_err());
    let transfers = &services.transfers;
    transfers.cancel(&owner, PROJECT, sent[5].id).await.unwrap();
    try_one(&owner).await.unwrap();
    // Files that come at the same time count, too.
    let slow = stream::once(async { Err(try_one(&other).await.unwrap_err()) });
    for _ in 0..8 {
        try_one(&other).await.unwrap();
    }
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let both = transfers.import(&other, PROJECT, skip, slow).await;
    assert_eq!(both.unwrap_err().code(), &codes::CONFLICT);
    try_one(&other).await.unwrap();
}

#[tokio::test]
async fn an_import_that_nobody_queues_is_given_up() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let import = inkstone_testkit::sample::import(PROJECT, owner.user);
    let audit = inkstone_testkit::sample::audit(owner.user);
    world.store.create_import(&import, &audit).await.unwrap();
    let transfers = &world.services.transfers;
    for (hours, status) in [(1, JobStatus::Queued), (25, JobStatus::Failed)] {
        world.clock.set(import.created_at + TimeDelta::hours(hours));
        transfers.tidy().await.unwrap();
        let now = world.store.import(import.id).await.unwrap().unwrap();
        assert_eq!(now.status, status, "after {hours} h");
    }
}

#[tokio::test]
async fn old_imports_are_forgotten_with_their_reports() {
    let kept = JobsConfig {
        kept: Some(TimeDelta::days(30)),
        ..test_jobs()
    };
    let world = World::with([], kept).await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    world.services.start_workers(1);
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let (done, report) = import(&world, &owner, skip, many(3)).await;
    assert_eq!(report.len(), 3);
    let transfers = &world.services.transfers;
    for (days, gone) in [(29, 0), (2, 1)] {
        world
            .clock
            .advance(std::time::Duration::from_secs(days * 86_400));
        assert_eq!(transfers.forget_some().await.unwrap(), gone);
    }
    let forgotten = transfers.get(&owner, PROJECT, done.id).await;
    assert_eq!(forgotten.unwrap_err().code(), &codes::NOT_FOUND);
    let lines = world.store.report(done.id, 0, 9).await.unwrap();
    assert_eq!(lines, []);
}
