//! The fake index keeps the promises of the port.

use std::sync::Arc;

use inkstone_testkit::{FakeSearchIndex, MemStore, contract};

#[tokio::test]
async fn keeps_the_contract() {
    let store = MemStore::new();
    let index = FakeSearchIndex::new(Arc::new(store.clone()));
    contract::search::run(&index, &store).await;
    contract::documents::run_index(&index, &store).await;
}
