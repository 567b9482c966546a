//! The store's contract against a real SurrealDB server, over the network.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use inkstone_store::{StoreConfig, SurrealStore};
use inkstone_testkit::{contract, run_on_deep_stack};

use crate::engine::PATIENCE;
use crate::upstream::free_port;

pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    pub async fn start() -> Self {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_surreal"))
            .args([
                "start",
                "--user",
                "root",
                "--pass",
                "for-tests",
                "--bind",
                &address,
                "mem://",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            child,
            url: format!("ws://{address}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn config(server: &Server, password: &str) -> StoreConfig {
    StoreConfig {
        url: server.url.clone(),
        database: "main".to_owned(),
        username: Some("root".to_owned()),
        password: Some(password.to_owned()),
        ..StoreConfig::default()
    }
}

#[test]
fn the_store_keeps_its_contract_on_a_server() {
    run_on_deep_stack(async {
        let server = Server::start().await;
        let config = config(&server, "for-tests");
        let store = SurrealStore::connect(config).await.unwrap();
        contract::run_stores(&store).await;
    });
}

#[test]
fn a_wrong_password_is_told() {
    run_on_deep_stack(async {
        let server = Server::start().await;
        let error = SurrealStore::connect(config(&server, "wrong")).await.err();
        assert_eq!(error.unwrap().code().name, "store_unavailable");
    });
}
