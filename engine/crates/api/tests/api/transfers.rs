//! `/v1/projects/{slug}/imports` and `/export`.

use axum::http::Method;
use inkstone_testkit::api_client::{ApiClient, TestApi};
use serde_json::{Value, json};

async fn with_project() -> TestApi {
    let api = TestApi::start().await;
    let made = api
        .creator()
        .post("/v1/projects", json!({"slug": "handbook"}))
        .await;
    assert_eq!(made.status, 201);
    api
}

/// Once it has ended.
async fn ended(client: &ApiClient, place: &str) -> Value {
    for _ in 0..1_000_000 {
        let import = client.get(place).await.json();
        if !["queued", "running"].contains(&import["status"].as_str().unwrap()) {
            return import;
        }
        tokio::task::yield_now().await;
    }
    panic!("the import never ended");
}

const LINES: &str = "{\"title\": \"Tides\", \"body\": \"High.\"}\n{\"title\": 7}\n";

#[tokio::test]
async fn a_file_goes_in_and_out() {
    let api = with_project().await;
    let client = api.creator();
    let sent = client
        .post_raw(
            "/v1/projects/handbook/imports?format=jsonl&on_conflict=update",
            "application/jsonl",
            LINES,
        )
        .await;
    assert_eq!(sent.status, 202, "{}", sent.text());
    let place = sent.header("location").to_owned();
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(place, format!("/v1/projects/handbook/imports/{id}"));
    assert_eq!(sent.json()["status"], "queued");
    api.services.start_workers(1);
    let done = ended(&client, &place).await;
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["counts"]["created"], 1);
    assert_eq!(done["counts"]["refused"], 1);
    let shown = client.get(&place).await;
    let tag = shown.header("etag").to_owned();
    let same = api
        .creator()
        .with_header("if-none-match", &tag)
        .get(&place)
        .await;
    assert_eq!(same.status, 304);

    let report = client.get(&format!("{place}/report")).await;
    assert_eq!(report.header("content-type"), "application/jsonl");
    let lines: Vec<Value> = report
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["outcome"], "created");
    assert_eq!(lines[0]["slug"], "tides");
    assert_eq!(lines[1]["code"], "invalid_input");
    let table = client
        .get(&format!("{place}/report?format=csv&after=1"))
        .await;
    assert!(table.text().starts_with("number,entry,outcome"));
    assert_eq!(table.text().lines().count(), 2);
    let list = client.get("/v1/projects/handbook/imports").await.json();
    assert_eq!(list["data"][0]["id"], id.as_str());

    let export = client
        .get("/v1/projects/handbook/export?format=jsonl")
        .await;
    assert_eq!(export.status, 200);
    assert_eq!(
        export.header("content-disposition"),
        "attachment; filename=\"handbook-jsonl.jsonl\""
    );
    let article: Value = serde_json::from_str(export.text().trim()).unwrap();
    assert_eq!(article["title"], "Tides");
    let none = client
        .get("/v1/projects/handbook/export?format=jsonl&filter[status]=published")
        .await;
    assert_eq!((none.status, none.text()), (200, ""));
    let late = client.delete(&place).await;
    assert_eq!(late.status, 409);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let api = with_project().await;
    let client = api.creator();
    for (path, status) in [
        ("/v1/projects/handbook/imports", 400),
        ("/v1/projects/handbook/imports?format=word", 400),
        (
            "/v1/projects/handbook/imports?format=jsonl&on_conflict=ask",
            400,
        ),
        ("/v1/projects/handbook/imports?format=jsonl&colour=red", 400),
        ("/v1/projects/no-such/imports?format=jsonl", 404),
    ] {
        let reply = client.post_raw(path, "application/jsonl", LINES).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    for (path, status) in [
        ("/v1/projects/handbook/export", 400),
        (
            "/v1/projects/handbook/export?format=jsonl&filter[status]=lost",
            400,
        ),
        ("/v1/projects/handbook/imports/imp_1", 404),
        (
            "/v1/projects/handbook/imports/imp_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P",
            404,
        ),
        (
            "/v1/projects/handbook/imports/imp_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P/report",
            404,
        ),
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    let stranger = api.stranger();
    let into = "/v1/projects/handbook/imports?format=jsonl";
    let refused = stranger.post_raw(into, "application/jsonl", LINES).await;
    assert_eq!(refused.status, 404);
    let refused = stranger
        .get("/v1/projects/handbook/export?format=archive")
        .await;
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn a_file_may_be_longer_than_other_bodies() {
    let api = with_project().await;
    let client = api.creator();
    let long = format!("{}\n", " ".repeat(17 << 20));
    let into = "/v1/projects/handbook/imports?format=jsonl";
    let sent = client.post_raw(into, "application/jsonl", long).await;
    assert_eq!(sent.status, 202, "{}", sent.text());
    let place = sent.header("location").to_owned();
    let off = client.send(Method::DELETE, &place, None).await;
    assert_eq!(
        (off.status, off.json()["status"].as_str()),
        (200, Some("cancelled"))
    );
}
