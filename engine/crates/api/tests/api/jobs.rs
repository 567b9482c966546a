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

#[tokio::test]
async fn terms_are_taken_shown_and_filtered_by() {
    let api = TestApi::start().await;
    let body = json!({
        "input": {"topic": "tides"},
        "priority": "low",
        "run_at": "2126-12-01T06:00:00Z",
    });
    let target = "/v1/generate/generator-fake/article";
    let low = api.creator().post(target, body).await.json();
    assert_eq!(
        (&low["priority"], &low["retries"]),
        (&json!("low"), &json!(0))
    );
    assert_eq!(low["run_at"], "2126-12-01T06:00:00Z");
    let body = json!({"input": {"topic": "tides"}, "after": [low["id"]]});
    let waits = api.creator().post(target, body).await.json();
    assert_eq!(
        (&waits["status"], &waits["after"]),
        (&json!("waiting"), &json!([low["id"]]))
    );
    for (query, want) in [
        ("filter[priority]=low", vec![&low]),
        ("filter[status]=waiting", vec![&waits]),
        ("filter[status]=dead", vec![]),
        (
            "filter[kind]=generate&filter[project]=default",
            vec![&waits, &low],
        ),
        ("filter[kind]=import", vec![]),
    ] {
        let listed = api.creator().get(&format!("/v1/jobs?{query}")).await.json();
        let listed = listed["data"].as_array().unwrap().clone();
        let ids: Vec<&Value> = listed.iter().map(|job| &job["id"]).collect();
        let want: Vec<&Value> = want.into_iter().map(|job| &job["id"]).collect();
        assert_eq!(ids, want, "{query}");
    }
    for (query, pointer) in [
        ("filter[status]=asleep", "?filter[status]"),
        ("filter[priority]=5", "?filter[priority]"),
        ("filter[batch]=job_1", "?filter[batch]"),
    ] {
        let reply = api.creator().get(&format!("/v1/jobs?{query}")).await;
        check::problem(&reply, 400, "invalid_input");
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer);
    }
    let body = json!({"input": {"topic": "tides"}, "after": ["job_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P"]});
    let reply = api.creator().post(target, body).await;
    check::problem(&reply, 404, "not_found");
}

#[tokio::test]
async fn a_cancelled_job_is_requeued_and_says_so_in_its_log() {
    let api = TestApi::start().await;
    let path = submit(&api).await;
    let requeue = format!("{path}/requeue");
    let early = api.creator().post(&requeue, json!({})).await;
    check::problem(&early, 409, "conflict");
    api.creator().send(Method::DELETE, &path, None).await;
    let lives = api.creator().send(Method::POST, &requeue, None).await;
    assert_eq!(
        (lives.status, &lives.json()["status"]),
        (200, &json!("queued"))
    );
    let log = api.creator().get(&format!("{path}/log")).await.json();
    let line = &log["data"][0];
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .starts_with("requeued by usr_")
    );
    assert_eq!(
        (&line["attempt"], &log["next_cursor"]),
        (&json!(0), &json!(null))
    );
    for (method, path) in [
        (Method::GET, format!("{path}/log")),
        (Method::POST, requeue),
    ] {
        let reply = api.stranger().send(method, &path, None).await;
        check::problem(&reply, 404, "not_found");
    }
}

#[tokio::test]
async fn a_batch_is_queued_as_a_whole() {
    let api = TestApi::start().await;
    let job = |topic: Value| {
        json!({
            "plugin": "generator-fake",
            "template": "article",
            "generate": {"input": {"topic": topic}, "priority": "high"},
        })
    };
    let mut second = job(json!("flow"));
    second["after_jobs"] = json!([0]);
    let body = json!({"name": "tides", "jobs": [job(json!("ebb")), second]});
    let reply = api.creator().post("/v1/jobs/batches", body).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let batch = reply.json();
    assert_eq!(
        (&batch["total"], &batch["name"]),
        (&json!(2), &json!("tides"))
    );
    assert_eq!(batch["counts"]["waiting"], 1);
    let path = reply.header("location").to_owned();
    assert_eq!(api.creator().get(&path).await.json(), batch);
    check::problem(&api.stranger().get(&path).await, 404, "not_found");
    let query = format!("/v1/jobs?filter[batch]={}", batch["id"].as_str().unwrap());
    let listed = api.creator().get(&query).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!(listed["data"][0]["batch"], batch["id"]);

    let body = json!({"jobs": [job(json!("ebb")), job(json!(7))]});
    let reply = api.creator().post("/v1/jobs/batches", body).await;
    check::problem(&reply, 400, "schema_mismatch");
    let pointer = &reply.json()["errors"][0]["pointer"];
    assert_eq!(pointer, "/jobs/1/generate/input/topic");
}
