//! `/v1/webhooks` and `/v1/projects/{slug}/webhooks`

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::projects::with_handbook;

const BELOW: &str = "/v1/projects/handbook/webhooks";

#[tokio::test]
async fn a_webhook_is_made_shown_changed_and_removed() {
    let api = with_handbook().await;
    let client = api.creator();
    let new = json!({"url": "https://example.org/hook", "types": ["article.created"]});
    let made = client.post(BELOW, new).await;
    assert_eq!(made.status, 201);
    let body = made.json();
    assert!(body["secret"].as_str().unwrap().starts_with("whsec_"));
    let id = body["webhook"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/webhooks/{id}");
    assert_eq!(made.header("location"), path);
    let shown = client.get(&path).await;
    assert_eq!(shown.json(), body["webhook"]);
    assert_eq!(shown.header("etag"), "\"1\"");
    assert!(!shown.text().contains("sealed"));

    let patch = json!({"description": "ours", "enabled": false});
    let changed = client.patch(&path, patch).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.json()["enabled"], false);
    assert_eq!(changed.json()["types"], json!(["article.created"]));
    let rotated = client.post(&format!("{path}/secrets"), json!({})).await;
    assert_eq!(
        rotated.json()["webhook"]["secrets"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let ping = client.post(&format!("{path}/ping"), json!({})).await;
    assert_eq!(ping.status, 202);
    let listed = client.get(&format!("{path}/deliveries")).await.json();
    assert_eq!(listed["data"][0]["event"], ping.json()["event"]);
    let event = ping.json()["event"].as_str().unwrap().to_owned();
    let again = format!("{path}/deliveries/{event}/redeliver");
    assert_eq!(client.post(&again, json!({})).await.status, 202);
    assert_eq!(api.stranger().get(&path).await.status, 404);
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = TestApi::start().await;
    for (body, pointer) in [
        (json!({"url": "http://example.org"}), "/url"),
        (json!({"url": "https://a:b@example.org"}), "/url"),
        (
            json!({"url": "https://example.org", "types": ["eaten"]}),
            "/types",
        ),
    ] {
        let reply = api.admin().post("/v1/webhooks", body.clone()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer, "{body}");
    }
}
