//! The contract suites of the stores, run against SurrealDB in memory and on disk: each suite on a
//! database of its own. What only a database on disk promises stands in `on_disk.rs`.

#![allow(clippy::unwrap_used)]

use inkstone_store::{StoreConfig, SurrealStore};
use inkstone_testkit::{contract, run_on_deep_stack};

async fn open(url: &str) -> SurrealStore {
    let config = StoreConfig {
        url: url.to_owned(),
        database: "contract".to_owned(),
        ..StoreConfig::default()
    };
    SurrealStore::connect(config).await.unwrap()
}

macro_rules! suites {
    ($($name:ident: $run:expr;)*) => {
        mod in_memory {
            $(#[test]
            fn $name() {
                super::run_on_deep_stack(async {
                    let store = super::open("mem://").await;
                    let run: fn(SurrealStore) -> _ = $run;
                    run(store).await;
                });
            })*

            use super::*;
        }

        mod on_disk {
            $(#[test]
            fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("surrealkv://{}", folder.path().join("store").display());
                super::run_on_deep_stack(async move {
                    let store = super::open(&url).await;
                    let run: fn(SurrealStore) -> _ = $run;
                    run(store).await;
                });
            })*

            use super::*;
        }
    };
}

suites! {
    users: |store| async move { contract::users::run(&store, &store).await };
    people: |store| async move { contract::people::run(&store, &store, &store).await };
    identities: |store| async move { contract::identities::run(&store, &store, &store).await };
    articles: |store| async move { contract::articles::run(&store, &store, &store).await };
    comments: |store| async move { contract::comments::run(&store, &store, &store).await };
    content_types: |store| async move { contract::content_types::run(&store).await };
    jobs: |store| async move { contract::jobs::run(&store, &store, &store).await };
    events: |store| async move { contract::events::run(&store, &store).await };
    tellings: |store| async move { contract::events::tells::run(&store).await };
    handlers: |store| async move { contract::handlers::run(&store).await };
    webhooks: |store| async move { contract::webhooks::run(&store, &store, &store).await };
    notifications: |store| async move { contract::notifications::run(&store).await };
    publications: |store| async move { contract::publications::run(&store).await };
    schedules: |store| async move { contract::schedules::run(&store, &store, &store, &store).await };
    chunks: |store| async move { contract::chunks::run(&store).await };
    kv: |store| async move { contract::kv::run(&store).await };
    usage: |store| async move { contract::usage::run(&store).await };
    keys: |store| async move { contract::keys::run(&store, &store).await };
    audit: |store| async move { contract::audit::run(&store).await };
    projects: |store| async move { contract::projects::run(&store, &store, &store).await };
    conversations: |store| async move { contract::conversations::run(&store, &store).await };
    transfers: |store| async move { contract::transfers::run(&store, &store, &store, &store, &store, &store).await };
    prompts: |store| async move { contract::prompts::run(&store, &store).await };
    notes: |store| async move { contract::notes::run(&store, &store).await };
    documents: |store| async move { contract::documents::run(&store).await };
    saved_searches: |store| async move { contract::saved_searches::run(&store).await };
    search_settings: |store| async move { contract::search_settings::run(&store, &store).await };
    media: |store| async move { contract::media::run(&store, &store).await };
    replies: |store| async move { contract::replies::run(&store).await };
    rollouts: |store| async move { contract::rollouts::run(&store).await };
    all_on_one_store: |store| async move { contract::run_stores(&store).await };
}
