//! Imports that were cut off, in the middle or before they began, and those that were called off.

use inkstone_domain::codes;
use inkstone_domain::job::JobStatus;
use inkstone_domain::ports::{ArticleStore, TransferStore};
use inkstone_domain::principal::Role;
use inkstone_domain::transfer::{Format, OnConflict, Outcome};
use serde_json::json;

use super::{PROJECT, ended, lines, new, outcomes, send};
use crate::world::{World, handbook, page};

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
    assert!(done.error.unwrap().message.contains("engine"));
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
