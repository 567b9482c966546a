//! One engine answers and one works: what is queued at the first is done by the second, what happened before the
//! second was there is handled by it, and it answers nobody but its operators.

use serde_json::{Value, json};

use super::Place;
use crate::engine::Setup;
use crate::feed;
use crate::webhooks::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn an_api_queues_and_a_worker_does() {
    let receiver = Receiver::start();
    let mut place = Place::open().await;
    let with_role = |role: &str| {
        Setup::new()
            .allowing_webhooks_to(&receiver.url)
            .set("INKSTONE__SERVER__ROLE", role)
    };
    let api = place.first(with_role("api")).await;
    let (status, made) = api
        .post("/v1/projects", &json!({ "slug": "handbook" }))
        .await;
    assert_eq!(status, 201, "{made}");
    let hook = json!({ "url": format!("{}/hook", receiver.url), "types": ["article.created"] });
    let (status, hook) = api.post("/v1/projects/handbook/webhooks", &hook).await;
    assert_eq!(status, 201, "{hook}");
    receiver.trust(hook["secret"].as_str().unwrap()).await;
    let article =
        json!({ "title": "How tides work", "project": "handbook", "body": "By the moon." });
    let (status, made) = api.post("/v1/articles", &article).await;
    assert_eq!(status, 201, "{made}");
    // Nobody handles it yet, and it waits for everybody who will.
    let waits = |list: &Value| {
        let all = list["data"].as_array().unwrap();
        let one_waits = |one: &Value| one["behind"].as_u64() >= Some(1) && one["holder"].is_null();
        all.len() >= 5 && all.iter().all(one_waits)
    };
    api.until("/v1/events/handlers", waits).await;
    // An export is work of the engine itself: it needs no model.
    let wish = json!({ "format": "jsonl" });
    let (status, job) = api.post("/v1/projects/handbook/exports", &wish).await;
    assert_eq!(status, 202, "{job}");
    let (_, jobs) = api.get("/v1/jobs").await;
    let waiting = &jobs["data"][0];
    assert_eq!(waiting["status"], "queued", "nobody works here: {jobs}");
    let path = format!("/v1/jobs/{}", waiting["id"].as_str().unwrap());

    let worker = place.setup(with_role("worker")).start_worker().await;
    let ended = api.until(&path, |job| job["finished_at"].is_string()).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    let heard = receiver.until(|seen| !seen.is_empty()).await;
    assert_eq!(
        heard[0]["event"]["data"]["article"], made["id"],
        "{heard:?}"
    );
    feed::handled(&api).await;

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
