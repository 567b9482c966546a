//! `/v1/tools` and `/v1/research/{plugin}/{tool}`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

const PATH: &str = "/v1/research/research-fake/echo";

#[tokio::test]
async fn a_tool_says_where_to_send_its_input() {
    let api = TestApi::start().await;
    let list = api.viewer().get("/v1/tools").await.json();
    assert_eq!(
        list,
        json!({"next_cursor": null, "data": [{
            "plugin": "research-fake", "id": "echo", "title": "Echo", "description": "Gives back its input.",
            "input_schema": {"type": "object"}, "path": PATH}]})
    );
}

#[tokio::test]
async fn a_tool_answers_with_its_sources() {
    let api = TestApi::start().await;
    let reply = api.creator().post(PATH, json!({"about": "tides"})).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.header("x-inkstone-overhead-ms").is_empty());
    assert_eq!(
        reply.json(),
        json!({"content": {"about": "tides"}, "text": "{\"about\":\"tides\"}",
               "sources": [{"url": null, "title": "echo", "author": null, "published": null}]})
    );
}

#[tokio::test]
async fn unknown_plugins_and_tools() {
    let api = TestApi::start().await;
    let client = api.creator();
    let reply = client
        .post("/v1/research/research-none/echo", json!({}))
        .await;
    check::problem(&reply, 404, "unknown_plugin");
    let reply = client
        .post("/v1/research/research-fake/shout", json!({}))
        .await;
    check::problem(&reply, 404, "unknown_tool");
}
