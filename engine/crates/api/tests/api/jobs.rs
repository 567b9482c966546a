//! `/v1/jobs`, their events and their end.

use axum::http::Method;
use inkstone_domain::{Error, codes};
use inkstone_testkit::api_client::{EventReader, Setup, TestApi};
use inkstone_testkit::{Gate, Step};
use serde_json::{Value, json};

use crate::check;

async fn submit(api: &TestApi) -> String {
    let body = json!({"input": {"topic": "tides"}});
    let reply = api
        .creator()
        .post("/v1/generate/generator-fake/article", body)
        .await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.header("location").to_owned()
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages() {
    let api = TestApi::start().await;
    let mut submitted = Vec::new();
    for _ in 0..3 {
        submitted.push(submit(&api).await);
    }
    let first = api.creator().get("/v1/jobs?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = api
        .creator()
        .get(&format!("/v1/jobs?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!(second["next_cursor"], json!(null));
    let both = [&first["data"], &second["data"]];
    let mut listed: Vec<String> = both
        .iter()
        .flat_map(|data| data.as_array().unwrap())
        .map(|job| format!("/v1/jobs/{}", job["id"].as_str().unwrap()))
        .collect();
    listed.sort();
    submitted.sort();
    assert_eq!(listed, submitted);
    check::problem(
        &api.creator().get("/v1/jobs?cursor=nonsense").await,
        400,
        "invalid_input",
    );
}

#[tokio::test]
async fn a_job_is_the_owners() {
    let api = TestApi::start().await;
    let path = submit(&api).await;
    assert_eq!(api.admin().get(&path).await.status, 200);
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::GET, format!("{path}/events")),
        (Method::DELETE, path.clone()),
    ] {
        let reply = api.stranger().send(method, &path, None).await;
        check::problem(&reply, 404, "not_found");
    }
    assert_eq!(
        api.stranger().get("/v1/jobs").await.json()["data"],
        json!([])
    );
    check::problem(
        &api.creator().get("/v1/jobs/nonsense").await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn the_events_lead_from_a_snapshot_to_the_end() {
    let gate = Gate::closed();
    let script = vec![
        Step::Wait(gate.clone()),
        Step::Section("intro"),
        Step::Section("end"),
        Step::Draft,
    ];
    let api = TestApi::with(Setup {
        script: Some(script),
        ..Setup::default()
    })
    .await;
    let path = submit(&api).await;
    let response = api
        .creator()
        .open(Method::GET, &format!("{path}/events"), None)
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = EventReader::new(response);
    let first = events.next().await.unwrap();
    assert_eq!(first.name, "snapshot");
    assert_eq!(first.json()["status"], "queued");
    api.services.start_workers(1);
    gate.reached().await;
    gate.open();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(event);
    }
    let texts: String = seen
        .iter()
        .filter(|event| event.name == "text")
        .map(|event| event.json()["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(texts, "write introwrite end");
    let steps: Vec<Value> = seen
        .iter()
        .filter(|event| event.name == "progress")
        .map(|event| event.json())
        .collect();
    assert!(
        steps.contains(&json!({"step": "wrote intro", "done": 1, "total": 2})),
        "{steps:?}"
    );
    let end = seen.last().unwrap();
    assert_eq!(end.name, "end");
    assert_eq!(end.json()["status"], "succeeded");
    assert_eq!(api.creator().get(&path).await.json(), end.json());

    let article = end.json()["article"].as_str().unwrap().to_owned();
    let article = api
        .creator()
        .get(&format!("/v1/articles/{article}"))
        .await
        .json();
    assert_eq!(article["title"], "About tides");
    assert_eq!(article["job"], end.json()["id"]);
    let path = format!(
        "/v1/articles/{}/provenance",
        article["id"].as_str().unwrap()
    );
    let provenance = api.creator().get(&path).await.json();
    assert_eq!(provenance["plugin"], "generator-fake");
    assert_eq!(provenance["plugin_version"], "1.0.0");
    assert_eq!(provenance["template"], "article");
    assert_eq!(provenance["input"], json!({"topic": "tides"}));
    assert_eq!(provenance["calls"].as_array().unwrap().len(), 2);
    assert_eq!(provenance["calls"][0]["model"], "fake/chat");
    let revisions = format!("/v1/articles/{}/revisions", article["id"].as_str().unwrap());
    let revisions = api.creator().get(&revisions).await.json();
    assert_eq!(
        revisions["data"][0]["cause"],
        json!({"by": "job", "job": end.json()["id"], "plugin": "generator-fake"})
    );
}

#[tokio::test]
async fn a_watcher_who_comes_late_sees_the_end() {
    let api = TestApi::start().await;
    let path = submit(&api).await;
    assert_eq!(api.creator().delete(&path).await.status, 200);
    let events = api.creator().get(&format!("{path}/events")).await.events();
    let end = events.last().unwrap();
    assert_eq!(end.name, "end");
    assert_eq!(end.json()["status"], "cancelled");
}

#[tokio::test]
async fn a_failed_job_says_why() {
    let failure = Error::new(&codes::PLUGIN_FAILED, "no ideas left");
    let script = vec![Step::Fail(failure)];
    let api = TestApi::with(Setup {
        script: Some(script),
        ..Setup::default()
    })
    .await;
    let path = submit(&api).await;
    api.services.start_workers(1);
    let events = api.creator().get(&format!("{path}/events")).await.events();
    let end = events.last().unwrap().json();
    assert_eq!(end["status"], "failed");
    assert_eq!(end["error"]["code"], "plugin_failed");
    assert!(
        end["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no ideas left"),
        "{end}"
    );
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_only_once() {
    let api = TestApi::start().await;
    let path = submit(&api).await;
    let reply = api.creator().delete(&path).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["status"], "cancelled");
    check::problem(&api.creator().delete(&path).await, 409, "conflict");
}
