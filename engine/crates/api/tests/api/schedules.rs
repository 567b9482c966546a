//! `/v1/schedules`

use inkstone_testkit::api_client::TestApi;
use serde_json::{Value, json};

use crate::check;

fn body() -> Value {
    json!({
        "name": "Tides",
        "cron": "30 6 * * MON-FRI",
        "time_zone": "Europe/Berlin",
        "plugin": "generator-fake",
        "template": "article",
        "input": {"topic": "tides"},
        "priority": "low",
    })
}

#[tokio::test]
async fn a_schedule_is_made_shown_changed_run_and_removed() {
    let api = TestApi::start().await;
    let client = api.creator();
    let made = client.post("/v1/schedules", body()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let schedule = made.json();
    let id = schedule["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/schedules/{id}");
    assert_eq!(made.header("location"), path);
    assert_eq!(made.header("etag"), "\"1\"");
    for (name, wanted) in body().as_object().unwrap() {
        assert_eq!(&schedule[name], wanted, "{name}");
    }
    assert_eq!(schedule["missed"], "once");
    assert_eq!(schedule["project"], "default");
    assert!(schedule["next_run_at"].is_string());
    assert_eq!(client.get(&path).await.json(), schedule);

    let paused = client.patch(&path, json!({"paused": true})).await;
    assert_eq!(paused.status, 200, "{paused:?}");
    assert_eq!(paused.header("etag"), "\"2\"");
    assert_eq!(paused.json()["next_run_at"], json!(null));
    let ran = client.post(&format!("{path}/run"), json!(null)).await;
    assert_eq!(ran.status, 202, "{ran:?}");
    let job = client.get(ran.header("location")).await.json();
    assert_eq!(job["id"], ran.json()["job"]);
    assert_eq!(job["priority"], "low");
    let runs = client.get(&format!("{path}/runs")).await.json();
    assert_eq!(runs["data"][0]["id"], ran.json()["id"]);
    assert!(runs["data"][0]["job_status"].is_string());
    let listed = client.get("/v1/schedules?filter[project]=default").await;
    assert_eq!(listed.json()["data"][0]["last_run"]["id"], ran.json()["id"]);
    let elsewhere = client.get("/v1/schedules?filter[project]=other").await;
    assert_eq!(elsewhere.json()["data"], json!([]));

    assert_eq!(client.delete(&path).await.status, 204);
    check::problem(&client.get(&path).await, 404, "not_found");
    check::problem(&client.get(&format!("{path}/runs")).await, 404, "not_found");
}

#[tokio::test]
async fn the_revision_that_is_changed_can_be_named() {
    let api = TestApi::start().await;
    let client = api.creator();
    let made = client.post("/v1/schedules", body()).await;
    let path = made.header("location").to_owned();
    let first = client.clone().with_header("if-match", "\"1\"");
    let renamed = first.patch(&path, json!({"name": "Ebb"})).await;
    assert_eq!(renamed.json()["name"], "Ebb");
    let late = first.patch(&path, json!({"name": "Flow"})).await;
    check::problem(&late, 412, "revision_mismatch");
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_place() {
    let api = TestApi::start().await;
    let client = api.creator();
    let with = |name: &str, value: Value| {
        let mut body = body();
        body[name] = value;
        body
    };
    for (body, pointer) in [
        (with("cron", json!("0 25 * * *")), "/cron"),
        (with("time_zone", json!("Mars/Olympus")), "/time_zone"),
        (with("at", json!("2100-01-01T00:00:00Z")), "/at"),
        (with("name", json!("x".repeat(201))), "/name"),
    ] {
        let refused = client.post("/v1/schedules", body).await;
        check::problem(&refused, 400, "invalid_input");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
    }
    let refused = client
        .post("/v1/schedules", with("input", json!({"topic": 5})))
        .await;
    check::problem(&refused, 400, "schema_mismatch");
    let pointer = refused.json()["errors"][0]["pointer"].clone();
    assert!(pointer.as_str().unwrap().starts_with("/input"), "{pointer}");
    let elsewhere = with("project", json!("nowhere"));
    let refused = client.post("/v1/schedules", elsewhere).await;
    check::problem(&refused, 404, "not_found");
}

#[tokio::test]
async fn a_key_makes_one() {
    let api = TestApi::start().await;
    let client = api.creator().with_header("idempotency-key", "s-1");
    let first = client.post("/v1/schedules", body()).await;
    let again = client.post("/v1/schedules", body()).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
}
