//! What the writers do is told: every event comes to every handler, and to the receiver of a webhook.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use crate::engine::{Engine, PATIENCE};

const TYPES: [&str; 3] = ["article.created", "article.updated", "job.succeeded"];

type Seen = Arc<Mutex<HashSet<String>>>;

/// Takes the messages of a webhook, and knows their ids.
pub struct Receiver {
    pub url: String,
    seen: Seen,
}

impl Receiver {
    pub async fn start() -> Self {
        let seen = Seen::default();
        let door = Router::new()
            .route("/hook", post(take))
            .with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, door).await });
        Self { url, seen }
    }

    pub async fn subscribe(&self, engine: &Engine) {
        let hook = json!({ "url": format!("{}/hook", self.url), "types": TYPES });
        let (status, made) = engine.post("/v1/webhooks", &hook).await;
        assert_eq!(status, 201, "{made}");
    }

    fn has(&self, id: &str) -> bool {
        self.seen.lock().unwrap().contains(id)
    }
}

async fn take(State(seen): State<Seen>, headers: HeaderMap) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    seen.lock().unwrap().insert(id);
    StatusCode::NO_CONTENT
}

/// How many events there are that the receiver is told of, once it has all and no handler is behind.
pub async fn check(engine: &Engine, receiver: &Receiver) -> usize {
    let handled = |status: &Value| {
        let handlers = status["data"].as_array().unwrap();
        !handlers.is_empty() && handlers.iter().all(|one| one["behind"] == 0)
    };
    engine.until("/v1/events/handlers", handled).await;
    let told = events(engine).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let missing: Vec<&String> = told.iter().filter(|id| !receiver.has(id)).collect();
        if missing.is_empty() {
            return told.len();
        }
        assert!(Instant::now() < deadline, "not told: {missing:?}");
        // A message that met the kill is sent again when its time has come.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Ids of all events that a webhook is told of.
async fn events(engine: &Engine) -> HashSet<String> {
    let path = format!(
        "/v1/events?follow=false&since=2026-01-01T00:00:00Z&types={}",
        TYPES.join(",")
    );
    let mut after = String::new();
    let mut ids = HashSet::new();
    loop {
        let request = engine.request("GET", &format!("{path}{after}"));
        let text = request.send().await.unwrap().text().await.unwrap();
        let page: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("id: ").or(line.strip_prefix("id:")))
            .collect();
        let Some(last) = page.last() else {
            return ids;
        };
        after = format!("&after={last}");
        ids.extend(page.iter().map(|id| (*id).to_owned()));
    }
}
