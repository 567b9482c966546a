//! `/v1/reports` and `/v1/analytics/{plugin}/{report}`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

const PATH: &str = "/v1/analytics/analytics-fake/count";

#[tokio::test]
async fn a_report_says_where_to_send_its_input() {
    let api = TestApi::start().await;
    let list = api.viewer().get("/v1/reports").await.json();
    assert_eq!(list["data"][0]["path"], PATH);
    assert_eq!(list["data"][0]["id"], "count");
}

#[tokio::test]
async fn blocks_carry_their_type() {
    let api = TestApi::start().await;
    let reply = api.creator().post(PATH, json!({"text": "tides"})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!({"blocks": [{"type": "metric", "id": "documents", "title": "Documents", "value": 0.0,
                           "unit": null, "note": null}]})
    );
}

#[tokio::test]
async fn unknown_plugins_and_reports() {
    let api = TestApi::start().await;
    let client = api.creator();
    let reply = client
        .post("/v1/analytics/analytics-none/count", json!({}))
        .await;
    check::problem(&reply, 404, "unknown_plugin");
    let reply = client
        .post("/v1/analytics/analytics-fake/weigh", json!({}))
        .await;
    check::problem(&reply, 404, "unknown_report");
}
