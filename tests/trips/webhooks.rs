//! The official `standardwebhooks` package checks what the engine sends; and feeds go on after kill -9.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::engine::{Engine, PATIENCE, Setup, root};
use crate::upstream::python;

pub struct Receiver {
    child: Child,
    pub url: String,
}

impl Receiver {
    pub fn start() -> Self {
        let mut child = Command::new(python())
            .arg(root().join("tests/python/webhook_receiver.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect("it tells its port");
        Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    pub async fn trust(&self, secret: &str) {
        let told = reqwest::Client::new()
            .post(format!("{}/secret", self.url))
            .body(secret.to_owned());
        assert!(told.send().await.unwrap().status().is_success());
    }

    /// All tries, once these are enough.
    pub async fn until(&self, is_enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = reqwest::get(format!("{}/seen", self.url)).await.unwrap();
            let seen: Vec<Value> = serde_json::from_slice(&seen.bytes().await.unwrap()).unwrap();
            if is_enough(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "{seen:?}");
            // The receiver is a program of its own: all it does is to be asked.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn write(engine: &Engine, title: &str) -> String {
    let article = json!({"title": title, "project": "handbook"});
    let (status, made) = engine.post("/v1/articles", &article).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_signed_and_again_after_kill_9() {
    let receiver = Receiver::start();
    let engine = Setup::new()
        .allowing_webhooks_to(&receiver.url)
        .start()
        .await;
    let (status, _) = engine
        .post("/v1/projects", &json!({"slug": "handbook"}))
        .await;
    assert_eq!(status, 201);
    let hook = json!({"url": format!("{}/hook", receiver.url), "types": ["article.created"]});
    let path = "/v1/projects/handbook/webhooks";
    let (status, made) = engine.post(path, &hook).await;
    assert_eq!(status, 201, "{made}");
    let id = made["webhook"]["id"].as_str().unwrap();
    receiver.trust(made["secret"].as_str().unwrap()).await;

    let first = write(&engine, "One").await;
    let tries = receiver.until(|seen| seen.len() >= 2).await;
    assert_eq!(tries[0]["id"], tries[1]["id"]);
    for tried in &tries {
        assert_eq!(tried["fault"], Value::Null, "{tried}");
        assert_eq!(tried["event"]["type"], "article.created");
        assert_eq!(tried["event"]["data"]["article"], first.as_str());
    }

    // What was acknowledged before the kill is told after it.
    let second = write(&engine, "Two").await;
    let engine = engine.kill().start().await;
    let of_second = |seen: &[Value]| {
        let own = seen
            .iter()
            .filter(|it| it["event"]["data"]["article"] == second.as_str());
        own.count() >= 2
    };
    let seen = receiver.until(of_second).await;
    assert!(
        seen.iter().all(|tried| tried["fault"].is_null()),
        "{seen:?}"
    );

    let list = format!("/v1/webhooks/{id}/deliveries");
    let done = |list: &Value| {
        let all = list["data"].as_array().unwrap();
        all.len() == 2 && all.iter().all(|one| one["state"] == "delivered")
    };
    engine.until(&list, done).await;

    // A redirect is a refusal: what lies behind it hears nothing.
    let heard = receiver.until(|_| true).await.len();
    let moved = json!({"url": format!("{}/elsewhere", receiver.url)});
    let (status, made) = engine.post(path, &moved).await;
    assert_eq!(status, 201, "{made}");
    let id = made["webhook"]["id"].as_str().unwrap();
    let (status, _) = engine
        .post(&format!("/v1/webhooks/{id}/ping"), &json!({}))
        .await;
    assert_eq!(status, 202);
    let list = format!("/v1/webhooks/{id}/deliveries");
    let tried = |list: &Value| list["data"][0]["tries"][0]["error"].is_string();
    let list = engine.until(&list, tried).await;
    let first = &list["data"][0]["tries"][0];
    assert_eq!(
        (&first["error"], &first["status"]),
        (&json!("upstream_error"), &json!(307))
    );
    assert_eq!(receiver.until(|_| true).await.len(), heard);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_unless_the_admin_allows_them() {
    let engine = Setup::new().start().await;
    for url in ["http://127.0.0.1:9/", "http://169.254.169.254/latest"] {
        let (status, refused) = engine.post("/v1/webhooks", &json!({"url": url})).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid_input")));
    }
    // It may be asked for, and the door to the network refuses it.
    let hidden = json!({"url": "https://127.0.0.1:9/"});
    let (status, made) = engine.post("/v1/webhooks", &hidden).await;
    assert_eq!(status, 201, "{made}");
    let id = made["webhook"]["id"].as_str().unwrap();
    engine
        .post(&format!("/v1/webhooks/{id}/ping"), &json!({}))
        .await;
    let list = format!("/v1/webhooks/{id}/deliveries");
    let tried = |list: &Value| list["data"][0]["tries"][0]["error"].is_string();
    let list = engine.until(&list, tried).await;
    assert_eq!(list["data"][0]["tries"][0]["error"], "egress_denied");
}
