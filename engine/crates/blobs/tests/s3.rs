//! The contract suite of blob stores, run against a bucket of a real server: s3rver, of the npm packages of
//! `tests/node`.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use inkstone_blobs::{S3Blobs, S3Config};
use inkstone_domain::ids::BlobId;
use inkstone_domain::media::BlobKey;
use inkstone_domain::ports::BlobStore;
use inkstone_testkit::contract;
use tempfile::TempDir;

/// Long enough for any machine; only a broken test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
const BUCKET: &str = "files";

struct Server {
    process: Child,
    endpoint: String,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let node = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/node");
        let script = node.join("node_modules/s3rver/bin/s3rver.js");
        assert!(
            script.exists(),
            "s3rver is missing; `make test` installs it"
        );
        let folder = tempfile::tempdir().unwrap();
        // Taken and given back: what is told of a port chosen by the server is for people.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        drop(taken);
        let process = Command::new("node")
            .arg(script)
            .arg("--directory")
            .arg(folder.path())
            .args(["--address", "127.0.0.1"])
            .args(["--port", &address.port().to_string()])
            .args(["--configure-bucket", BUCKET])
            .arg("--silent")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            endpoint: format!("http://{address}"),
            _folder: folder,
        };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    fn config(&self) -> S3Config {
        S3Config {
            endpoint: self.endpoint.clone(),
            region: "us-east-1".to_owned(),
            bucket: BUCKET.to_owned(),
            prefix: "media".to_owned(),
            access_key_id: "S3RVER".to_owned(),
            secret_access_key: "S3RVER".to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_bucket() {
    let server = Server::start().await;
    let blobs = S3Blobs::open(server.config()).unwrap();
    contract::blobs::run(&blobs).await;

    // Others in the same bucket are not ours.
    let elsewhere = S3Config {
        prefix: "elsewhere".to_owned(),
        ..server.config()
    };
    let elsewhere = S3Blobs::open(elsewhere).unwrap();
    contract::blobs::run(&elsewhere).await;
}

#[tokio::test]
async fn who_is_not_known_is_refused_and_no_secret_is_told() {
    let server = Server::start().await;
    let config = S3Config {
        access_key_id: "somebody-else".to_owned(),
        secret_access_key: "visible-to-nobody".to_owned(),
        ..server.config()
    };
    let blobs = S3Blobs::open(config).unwrap();
    let key = BlobKey {
        project: "handbook".to_owned(),
        blob: BlobId::new(),
    };
    let refused = blobs.put(&key, stream::empty().boxed()).await.unwrap_err();
    assert_eq!(refused.code().name, "media_unavailable");
    assert!(!format!("{refused:?}").contains("visible"), "{refused:?}");
}
