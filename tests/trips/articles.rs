//! Content over HTTP, and what survives when the engine is killed under many writers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::engine::{Engine, Setup};

/// Just the parts a content trip needs: no plugin has to be compiled.
fn without_plugins() -> Setup {
    let mut setup = Setup::new();
    setup.plugins = String::new();
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn written_changed_found_and_deleted() {
    let engine = without_plugins().start().await;
    let body = json!({ "title": "Tides", "body": "The moon pulls.", "tags": ["sea"] });
    let (status, article) = engine.post("/v1/articles", &body).await;
    assert_eq!(status, 201, "{article}");
    let path = format!("/v1/articles/{}", article["id"].as_str().unwrap());

    let change = |tag: &str, title: &str| {
        let request = engine.request("PATCH", &path).header("if-match", tag);
        request.json(&json!({ "title": title }))
    };
    let (status, changed) = engine.send(change("\"1\"", "Spring tides")).await;
    assert_eq!(status, 200, "{changed}");
    let (status, refused) = engine.send(change("\"1\"", "Neap tides")).await;
    assert_eq!(status, 412, "{refused}");
    assert_eq!(refused["code"], "revision_mismatch");

    let unchanged = engine
        .request("GET", &path)
        .header("if-none-match", "\"2\"");
    assert_eq!(engine.send(unchanged).await.0, 304);

    let found = search(&engine, "spring").await;
    assert_eq!(
        found["data"][0]["highlight"]["title"],
        "<em>Spring</em> tides"
    );

    let (_, revisions) = engine.get(&format!("{path}/revisions")).await;
    assert_eq!(revisions["data"].as_array().unwrap().len(), 2);

    assert_eq!(engine.send(engine.request("DELETE", &path)).await.0, 204);
    assert_eq!(engine.get(&path).await.0, 404);
    let found = search(&engine, "spring").await;
    assert!(found["data"].as_array().unwrap().is_empty(), "{found}");

    let (_, exit) = engine.stop();
    assert!(exit.success(), "{exit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_by_kill_9() {
    let engine = Arc::new(without_plugins().start().await);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..32)
        .map(|writer| {
            let engine = Arc::clone(&engine);
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for number in 0.. {
                    let body = json!({ "title": format!("Writer {writer} number {number}"), "body": "kept" });
                    let request = engine.request("POST", "/v1/articles").json(&body);
                    // The kill cuts the connection: from then on nothing is acknowledged.
                    let Ok(reply) = request.send().await else { break };
                    if reply.status() != 201 {
                        break;
                    }
                    let Ok(article) = reply.json::<Value>().await else { break };
                    ids.push(article["id"].as_str().unwrap().to_owned());
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                ids
            })
        })
        .collect();
    while acknowledged.load(Ordering::Relaxed) < 300 {
        tokio::task::yield_now().await;
    }
    engine.kill_now();
    let mut written = HashSet::new();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }
    let engine = Arc::into_inner(engine).unwrap();

    let engine = engine.kill().start().await;
    let stored = list_all(&engine).await;
    assert!(
        written.is_subset(&stored),
        "{} were lost",
        written.difference(&stored).count()
    );
    let found = search(&engine, "kept").await;
    assert_eq!(found["total"], stored.len(), "index and store differ");
}

async fn list_all(engine: &Engine) -> HashSet<String> {
    let mut ids = HashSet::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = engine.get(&format!("/v1/articles?limit=100{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        for article in page["data"].as_array().unwrap() {
            ids.insert(article["id"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

async fn search(engine: &Engine, text: &str) -> Value {
    let request = engine.request("GET", "/v1/search");
    let (status, page) = engine
        .send(request.query(&[("q", text), ("wait", "true")]))
        .await;
    assert_eq!(status, 200, "{page}");
    page
}
