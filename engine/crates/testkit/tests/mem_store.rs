//! The contract suites of the stores, run against the fake: what services are tested with keeps the
//! same promises as the database.

#![allow(clippy::unwrap_used)]

use inkstone_testkit::{MemBlobs, MemStore, contract};

#[tokio::test]
async fn users() {
    let store = MemStore::new();
    contract::users::run(&store, &store).await;
}

#[tokio::test]
async fn articles() {
    let store = MemStore::new();
    contract::articles::run(&store, &store, &store).await;
}

#[tokio::test]
async fn content_types() {
    contract::content_types::run(&MemStore::new()).await;
}

#[tokio::test]
async fn transfers() {
    let store = MemStore::new();
    contract::transfers::run(&store, &store, &store, &store, &store, &store).await;
}

#[tokio::test]
async fn jobs() {
    let store = MemStore::new();
    contract::jobs::run(&store, &store, &store).await;
}

#[tokio::test]
async fn identities() {
    let store = MemStore::new();
    contract::identities::run(&store, &store, &store).await;
}

#[tokio::test]
async fn people() {
    let store = MemStore::new();
    contract::people::run(&store, &store, &store).await;
}

#[tokio::test]
async fn events() {
    let store = MemStore::new();
    contract::events::run(&store, &store).await;
}

#[tokio::test]
async fn tellings() {
    contract::events::tells::run(&MemStore::new()).await;
}

#[tokio::test]
async fn handlers() {
    contract::handlers::run(&MemStore::new()).await;
}

#[tokio::test]
async fn webhooks() {
    let store = MemStore::new();
    contract::webhooks::run(&store, &store, &store).await;
}

#[tokio::test]
async fn notifications() {
    contract::notifications::run(&MemStore::new()).await;
}

#[tokio::test]
async fn publications() {
    contract::publications::run(&MemStore::new()).await;
}

#[tokio::test]
async fn schedules() {
    let store = MemStore::new();
    contract::schedules::run(&store, &store, &store, &store).await;
}

#[tokio::test]
async fn chunks() {
    contract::chunks::run(&MemStore::new()).await;
}

#[tokio::test]
async fn kv() {
    contract::kv::run(&MemStore::new()).await;
}

#[tokio::test]
async fn usage() {
    contract::usage::run(&MemStore::new()).await;
}

#[tokio::test]
async fn keys() {
    let store = MemStore::new();
    contract::keys::run(&store, &store).await;
}

#[tokio::test]
async fn replies() {
    contract::replies::run(&MemStore::new()).await;
}

#[tokio::test]
async fn rollouts() {
    contract::rollouts::run(&MemStore::new()).await;
}

#[tokio::test]
async fn audit() {
    contract::audit::run(&MemStore::new()).await;
}

#[tokio::test]
async fn projects() {
    let store = MemStore::new();
    contract::projects::run(&store, &store, &store).await;
}

#[tokio::test]
async fn prompts() {
    let store = MemStore::new();
    contract::prompts::run(&store, &store).await;
}

#[tokio::test]
async fn notes() {
    let store = MemStore::new();
    contract::notes::run(&store, &store).await;
}

#[tokio::test]
async fn documents() {
    contract::documents::run(&MemStore::new()).await;
}

#[tokio::test]
async fn saved_searches() {
    contract::saved_searches::run(&MemStore::new()).await;
}

#[tokio::test]
async fn search_settings() {
    let store = MemStore::new();
    contract::search_settings::run(&store, &store).await;
}

#[tokio::test]
async fn media() {
    let store = MemStore::new();
    contract::media::run(&store, &store).await;
}

#[tokio::test]
async fn blobs() {
    contract::blobs::run(&MemBlobs::default()).await;
}

#[tokio::test]
async fn conversations() {
    let store = MemStore::new();
    contract::conversations::run(&store, &store).await;
}

#[tokio::test]
async fn all_on_one_store() {
    contract::run_stores(&MemStore::new()).await;
}
