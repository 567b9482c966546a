//! The contract suites around packages, run against the fakes.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use inkstone_testkit::contract::packages::Reachable;
use inkstone_testkit::{FakePackageFetcher, MemPackageStore, MemPluginList, contract};

#[tokio::test]
async fn plugin_list() {
    contract::plugin_list::run(&MemPluginList::default()).await;
}

#[tokio::test]
async fn package_store() {
    contract::packages::run_store(&MemPackageStore::default()).await;
}

#[tokio::test]
async fn package_fetcher() {
    let fetcher = FakePackageFetcher::default();
    let package = Bytes::from_static(b"hello");
    fetcher.put("https://example.org/there", package.clone());
    let reachable = Reachable {
        url: "https://example.org/there".to_owned(),
        digest: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".to_owned(),
        package,
        nothing: "https://example.org/nothing".to_owned(),
    };
    contract::packages::run_fetcher(&fetcher, &reachable).await;
}
