//! The log of events as the outside sees it: all that was told, and how far the engine's handlers are.

use serde_json::Value;

use crate::engine::Engine;

/// Every event of these types, in the order in which it is told.
pub async fn told(engine: &Engine, types: &[&str]) -> Vec<Value> {
    let path = format!(
        "/v1/events?follow=false&since=2020-01-01T00:00:00Z&types={}",
        types.join(",")
    );
    let request = engine.request("GET", &path);
    let reply = request.send().await.expect("the engine answers");
    assert_eq!(reply.status(), 200);
    let text = reply.text().await.expect("the feed comes to its end");
    let told = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let told: Vec<Value> = told
        .map(|data| serde_json::from_str(data).expect("an event is JSON"))
        .collect();
    for event in &told {
        // A feed that went wrong ends with a problem instead.
        assert!(event["id"].is_string(), "{event}");
    }
    told
}

/// Waits until every handler has come to the end of the log. They stand at no event, and went on without none.
pub async fn handled(engine: &Engine) {
    let done = |list: &Value| {
        let all = list["data"].as_array().unwrap();
        let is_done = |one: &Value| one["behind"] == 0 && one["failing"].is_null();
        !all.is_empty() && all.iter().all(is_done)
    };
    let list = engine.until("/v1/events/handlers", done).await;
    for handler in list["data"].as_array().unwrap() {
        let passed_over = handler["passed_over"].as_array().unwrap();
        assert!(passed_over.is_empty(), "{handler}\n{}", engine.log());
    }
}
