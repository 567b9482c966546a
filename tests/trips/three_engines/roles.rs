//! One engine answers and one works: what is queued at the first is done by the second, and the second answers
//! nobody but its operators.

use serde_json::json;

use super::Place;
use crate::engine::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn an_api_queues_and_a_worker_does() {
    let mut place = Place::open().await;
    let api = place
        .first(Setup::new().set("INKSTONE__SERVER__ROLE", "api"))
        .await;
    let (status, made) = api
        .post("/v1/projects", &json!({ "slug": "handbook" }))
        .await;
    assert_eq!(status, 201, "{made}");
    let article =
        json!({ "title": "How tides work", "project": "handbook", "body": "By the moon." });
    let (status, made) = api.post("/v1/articles", &article).await;
    assert_eq!(status, 201, "{made}");
    // An export is work of the engine itself: it needs no model.
    let wish = json!({ "format": "jsonl" });
    let (status, job) = api.post("/v1/projects/handbook/exports", &wish).await;
    assert_eq!(status, 202, "{job}");
    let (_, jobs) = api.get("/v1/jobs").await;
    let waiting = &jobs["data"][0];
    assert_eq!(waiting["status"], "queued", "nobody works here: {jobs}");
    let path = format!("/v1/jobs/{}", waiting["id"].as_str().unwrap());

    let worker = place
        .setup(Setup::new().set("INKSTONE__SERVER__ROLE", "worker"))
        .start_worker()
        .await;
    let ended = api.until(&path, |job| job["finished_at"].is_string()).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");

    for path in ["/livez", "/readyz", "/metrics"] {
        let reply = worker.http.get(format!("{}{path}", worker.url)).send();
        assert_eq!(reply.await.unwrap().status(), 200, "{path}");
    }
    let reply = worker
        .http
        .get(format!("{}/v1/articles", worker.url))
        .send();
    let reply = reply.await.unwrap();
    assert_eq!(reply.status(), 404);
    let refused = reply.text().await.unwrap();
    assert!(refused.contains("has the role `worker`"), "{refused}");
    let (_, status) = worker.stop();
    assert!(status.success(), "{status}");
}
