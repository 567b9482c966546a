//! The contract suite of blob stores, run against a folder. A bucket of a real server has its own in
//! `s3.rs`.

#![allow(clippy::unwrap_used)]

use inkstone_blobs::LocalBlobs;
use inkstone_testkit::contract;

#[tokio::test]
async fn local_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = LocalBlobs::open(folder.path().join("media")).unwrap();
    contract::blobs::run(&blobs).await;
    // What was there is there for the next engine.
    let again = LocalBlobs::open(folder.path().join("media")).unwrap();
    contract::blobs::run(&again).await;
}
