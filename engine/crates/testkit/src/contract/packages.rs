//! The suites of [`PackageStore`] and [`PackageFetcher`].

use bytes::Bytes;
use inkstone_domain::codes;
use inkstone_domain::plugin::RemoteSource;
use inkstone_domain::ports::{PackageFetcher, PackageStore};

use super::assert_code;

/// The SHA-256 of `the package`.
const DIGEST: &str = "ab326f16dec533ba65139949246581c016b9d4c77d0de0046e65f48e575372a3";

/// On a store that holds nothing yet.
pub async fn run_store(store: &dyn PackageStore) {
    takes_only_file_names(store).await;
    finds_what_was_kept(store).await;
}

async fn takes_only_file_names(store: &dyn PackageStore) {
    let package = Bytes::from_static(b"the package");
    for file in [
        "",
        ".",
        "..",
        "../a.wasm",
        "a/b.wasm",
        "a\\b.wasm",
        ".a.wasm",
    ] {
        let refused = store.put(file, package.clone()).await;
        assert_code(refused, &codes::INVALID_INPUT);
    }
    let file = "research-a-1.0.0.inkplug";
    for is_new in [true, false] {
        let put = store.put(file, package.clone());
        assert_eq!(put.await.unwrap(), is_new);
    }
    for _ in 0..2 {
        store.discard(file).await.unwrap();
    }
    assert!(store.put(file, package).await.unwrap());
}

async fn finds_what_was_kept(store: &dyn PackageStore) {
    let package = Bytes::from_static(b"the package");
    let by_url = RemoteSource::at_url("https://example.org/a", DIGEST).unwrap();
    let by_tag = RemoteSource::in_registry("registry.example.org/a:1").unwrap();
    let other_tag = RemoteSource::in_registry("registry.example.org/a:2").unwrap();
    for source in [&by_url, &by_tag] {
        assert_eq!(store.find(source).await.unwrap(), None);
        let kept = store.keep(source, package.clone()).await.unwrap();
        assert_eq!(store.find(source).await.unwrap(), Some(kept));
    }
    assert_eq!(store.find(&other_tag).await.unwrap(), None);
}

/// What a fetcher can reach in a suite.
pub struct Reachable {
    /// Where [`Reachable::package`] lies.
    pub url: String,
    /// SHA-256 of the package, hex.
    pub digest: String,
    pub package: Bytes,
    /// Where nothing lies.
    pub nothing: String,
}

/// On a fetcher that can reach this much.
pub async fn run_fetcher(fetcher: &dyn PackageFetcher, reachable: &Reachable) {
    let digest = &reachable.digest;
    let there = RemoteSource::at_url(&reachable.url, digest).unwrap();
    for _ in 0..2 {
        assert_eq!(fetcher.fetch(&there).await.unwrap(), reachable.package);
    }
    let other = RemoteSource::at_url(&reachable.url, &"0".repeat(64)).unwrap();
    assert_code(fetcher.fetch(&other).await, &codes::PLUGIN_REJECTED);
    let nothing = RemoteSource::at_url(&reachable.nothing, digest).unwrap();
    assert_code(fetcher.fetch(&nothing).await, &codes::UPSTREAM_ERROR);
}
