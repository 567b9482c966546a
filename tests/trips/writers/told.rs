//! What the writers do is told: every event comes to every handler, and to the receiver of a webhook.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::Kept;
use super::jobs::Queued;
use crate::engine::{Engine, PATIENCE};
use crate::feed;

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

/// How many events there are that the receiver is told of, once it has all and no handler is behind. All that was
/// acknowledged is among them.
pub async fn check(
    engine: &Engine,
    receiver: &Receiver,
    kept: &[Kept],
    queued: &[Queued],
) -> usize {
    feed::handled(engine).await;
    let told = feed::told(engine, &TYPES).await;
    nothing_is_missing(&told, kept, queued);
    let ids: BTreeSet<&str> = told.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), told.len(), "an event is in the log twice");
    let (mut fewest, mut since) = (usize::MAX, Instant::now());
    loop {
        let missing: Vec<_> = ids.iter().filter(|id| !receiver.has(id)).collect();
        if missing.is_empty() {
            return ids.len();
        }
        // After many rounds many wait: they may take long, but not without getting fewer.
        if missing.len() < fewest {
            (fewest, since) = (missing.len(), Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "not told: {missing:?}");
        // A message that met the kill is sent again when its time has come.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the engine acknowledged is told, and each article from its first revision on, in their order, without a gap.
fn nothing_is_missing(told: &[Value], kept: &[Kept], queued: &[Queued]) {
    let mut revisions: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for event in told {
        let data = &event["data"];
        match event["type"].as_str().unwrap() {
            "job.succeeded" => {
                ended.insert(data["job"].as_str().unwrap());
            }
            _ => {
                let article = revisions.entry(data["article"].as_str().unwrap());
                let revision = data["revision"].as_u64().unwrap();
                article.or_default().push(revision);
            }
        }
    }
    for (article, told) in &revisions {
        let whole = 1..=told.len() as u64;
        assert!(told.iter().copied().eq(whole), "of {article}: {told:?}");
    }
    for article in kept {
        let told = revisions.get(article.id.as_str()).map_or(0, Vec::len) as u64;
        let (id, acknowledged) = (&article.id, article.revision);
        assert!(told >= acknowledged, "{told} of {acknowledged} of {id}");
    }
    for job in queued {
        assert!(ended.contains(job.id.as_str()), "the end of {}", job.id);
    }
}
