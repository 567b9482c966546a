//! kill -9 in the middle of migrations, there and back, and engines that start at once on one server: the
//! tables are whole, and nothing is lost.

use std::process::{Command, Stdio};
use std::time::Duration;

use inkstone_store::{Migrations, SurrealStore};
use inkstone_testkit::run_on_deep_stack;
use serde_json::json;

use crate::engine::Setup;
use crate::surreal::{Server, config};

const ARTICLES: usize = 200;
const KILLS: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn kills_in_the_middle_of_migrations_lose_nothing() {
    let engine = Setup::new().only("").start().await;
    let body = ["The moon pulls."; 100].join(" ");
    for number in 0..ARTICLES {
        let article = json!({ "title": format!("Article {number}"), "body": body });
        let (status, reply) = engine.post("/v1/articles", &article).await;
        assert_eq!(status, 201, "{reply}");
    }
    let (setup, _status) = engine.stop();
    let refused = setup.command(&["migrate", "down", "--to", "10"]).output();
    let refused = String::from_utf8(refused.unwrap().stderr).unwrap();
    assert!(refused.contains("entries of the audit log"), "{refused}");

    // Wherever the kill meets it: before, in, between or after migrations.
    for kill in 0..KILLS {
        let down = ["migrate", "down", "--to", "9", "--accept-losses"];
        let arguments = match kill % 2 {
            0 => &down[..],
            _ => &["migrate", "up"][..],
        };
        let mut child = setup
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(250 * (kill + 1))).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
    let up = finished(&mut setup.command(&["migrate", "up"]));
    assert!(
        up.starts_with("applied") || up.contains("up to date"),
        "{up}"
    );
    let engine = setup.start().await;
    let path = "/v1/articles?limit=100";
    let (_, first) = engine.get(path).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = engine.get(&format!("{path}&cursor={cursor}")).await;
    let count = |page: &serde_json::Value| page["data"].as_array().unwrap().len();
    assert_eq!(count(&first) + count(&second), ARTICLES);
    let id = first["data"][0]["id"].as_str().unwrap();
    let (status, article) = engine.get(&format!("/v1/articles/{id}")).await;
    assert_eq!((status, &article["body"]), (200, &json!(body)));
}

fn finished(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// Two connections to one server are two engines to it.
#[test]
fn engines_that_start_at_once_on_one_server_migrate_once() {
    run_on_deep_stack(async {
        let server = Server::start().await;
        let config = config(&server, "for-tests");
        let (a, b, c) = tokio::join!(
            SurrealStore::connect(config.clone()),
            SurrealStore::connect(config.clone()),
            SurrealStore::connect(config.clone()),
        );
        let engines = [a.unwrap(), b.unwrap(), c.unwrap()];
        for engine in &engines {
            engine.health().await.unwrap();
        }
        let migrations = Migrations::open(config).await.unwrap();
        let states = migrations.status().await.unwrap();
        assert!(states.iter().all(|state| state.applied_at.is_some()));
    });
}
