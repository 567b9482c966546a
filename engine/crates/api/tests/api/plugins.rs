//! `/v1/plugins`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

#[tokio::test]
async fn admins_see_the_details() {
    let api = TestApi::start().await;
    let list = api.admin().get("/v1/plugins").await.json();
    let ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| plugin["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "analytics-fake",
            "generator-fake",
            "provider-fake",
            "research-broken",
            "research-fake"
        ]
    );
    assert_eq!(list["next_cursor"], json!(null));
    let broken = &list["data"][3];
    assert_eq!(broken["state"], "failed");
    assert_eq!(broken["details"]["error"]["code"], "plugin_rejected");
    let serving = &list["data"][2];
    assert_eq!(serving["state"], "serving");
    assert_eq!(serving["kind"], "provider");
    assert_eq!(serving["version"], "1.0.0");
    assert_eq!(serving["details"]["enabled"], true);
    assert_eq!(
        serving["details"]["granted"],
        json!({"outbound_hosts": [], "credentials": [], "kv_quota_bytes": 0,
               "ai": false, "tools": false, "search": false, "inference": false, "events": []})
    );
}

#[tokio::test]
async fn others_see_what_there_is_and_no_more() {
    let api = TestApi::start().await;
    let plugin = api.viewer().get("/v1/plugins/provider-fake").await.json();
    assert_eq!(plugin["id"], "provider-fake");
    assert_eq!(plugin["state"], "serving");
    assert!(plugin.get("details").is_none(), "{plugin}");
}

#[tokio::test]
async fn an_unknown_plugin() {
    let api = TestApi::start().await;
    check::problem(
        &api.admin().get("/v1/plugins/nothing").await,
        404,
        "unknown_plugin",
    );
}
