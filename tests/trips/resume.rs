//! kill -9 in the middle of a generation: the restarted engine ends the job, and writes no section twice.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::engine::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_generation_goes_on_from_its_last_checkpoint() {
    let engine = Setup::new()
        .set("INKSTONE__JOBS__LEASE_MS", "3000")
        .start()
        .await;
    let body = json!({ "input": { "topic": "How tides work", "length": "short", "seed": 11 } });
    let (status, job) = engine
        .post("/v1/generate/generator-article/article", &body)
        .await;
    assert_eq!(status, 202, "{job}");
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    // The outline and a section are done: their checkpoints are committed.
    let before = engine
        .until(&path, |job| job["progress"]["done"].as_u64() >= Some(2))
        .await;
    assert_eq!(before["status"], "running", "{before}");

    let engine = engine.kill().start().await;
    let ended = engine
        .until(&path, |job| job["finished_at"].is_string())
        .await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(ended["attempts"], 2, "{ended}");

    let article = ended["article"].as_str().unwrap();
    let (status, provenance) = engine
        .get(&format!("/v1/articles/{article}/provenance"))
        .await;
    assert_eq!(status, 200, "{provenance}");
    assert_no_call_twice(&provenance);

    let (_, stored) = engine.get(&format!("/v1/articles/{article}")).await;
    let headings: Vec<&str> = stored["body"]
        .as_str()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    let distinct: HashSet<&&str> = headings.iter().collect();
    assert_eq!(headings.len(), distinct.len(), "{headings:?}");
    assert!(headings.len() >= 2, "{stored}");

    let title = stored["title"].as_str().unwrap();
    let found = engine.request("GET", "/v1/search");
    let found = found.query(&[("q", title), ("wait", "true")]);
    let (_, page) = engine.send(found).await;
    let hits = page["data"].as_array().unwrap();
    assert!(hits.iter().any(|hit| hit["id"] == article), "{page}");
}

/// Seeded calls are repeatable, so a section that was written twice would show the same call twice.
fn assert_no_call_twice(provenance: &Value) {
    let calls = provenance["calls"].as_array().unwrap();
    let mut seen = HashSet::new();
    for call in calls {
        let fingerprint = (
            call["prompt_sha256"].to_string(),
            call["sampling"].to_string(),
        );
        assert!(seen.insert(fingerprint), "made twice: {call}");
    }
    assert!(calls.len() >= 4, "{provenance}");
}
