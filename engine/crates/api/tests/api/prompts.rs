//! `/v1/projects/{slug}/prompts`.

use inkstone_testkit::api_client::{ApiClient, TestApi};
use serde_json::{Value, json};

const PATH: &str = "/v1/projects/default/prompts";

fn body(text: &str) -> Value {
    json!({
        "messages": [{"role": "user", "text": text}],
        "variables": [{"name": "topic", "kind": "string"}, {"name": "words", "kind": "integer", "default": 100}],
    })
}

async fn make(client: &ApiClient) {
    let mut new = body("About {{ topic }} in {{ words }} words.");
    new["name"] = json!("summary");
    let made = client.post(PATH, new).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.header("location"),
        "/v1/projects/default/prompts/summary"
    );
    assert_eq!(made.header("etag"), "\"1\"");
}

#[tokio::test]
async fn a_prompt_grows_by_versions() {
    let api = TestApi::start().await;
    let editor = api.creator();
    make(&editor).await;
    let path = format!("{PATH}/summary");
    let versions = format!("{path}/versions");
    let other = body("{{ topic }}!{{ words }}");
    let stale = editor.clone().with_header("if-match", "\"2\"");
    assert_eq!(stale.post(&versions, other.clone()).await.status, 412);
    let fresh = editor.clone().with_header("if-match", "\"1\"");
    let added = fresh.post(&versions, other).await;
    assert_eq!((added.status, added.header("etag")), (201, "\"2\""));

    let newest = editor.get(&path).await.json();
    assert_eq!(
        (&newest["version"], &newest["text"]["version"]),
        (&json!(2), &json!(2))
    );
    let first = editor.get(&format!("{path}?version=1")).await.json();
    assert_eq!(first["text"]["variables"][1]["default"], 100);
    let held = editor.clone().with_header("if-none-match", "\"2\"");
    assert_eq!(held.get(&path).await.status, 304);
    let list = editor.get(&format!("{versions}?limit=1")).await.json();
    assert_eq!(
        (&list["data"][0]["version"], list["next_cursor"].is_string()),
        (&json!(2), true)
    );
    let prompts = editor.get(PATH).await.json();
    assert_eq!(prompts["data"][0]["name"], "summary");
    assert_eq!(editor.get(&format!("{PATH}/nothing")).await.status, 404);
}

#[tokio::test]
async fn a_prompt_is_filled_in_and_tried() {
    let api = TestApi::start().await;
    let editor = api.creator();
    make(&editor).await;
    let variables = json!({"variables": {"topic": "tides"}});
    let rendered = editor
        .post(&format!("{PATH}/summary/render"), variables.clone())
        .await
        .json();
    let message = json!({"role": "user", "text": "About tides in 100 words."});
    assert_eq!(rendered["messages"], json!([message]));
    assert_eq!(rendered["prompt"]["version"], 1);
    let tried = editor
        .post(&format!("{PATH}/summary/test"), variables)
        .await;
    assert_eq!(tried.status, 200, "{tried:?}");
    let tried = tried.json();
    assert_eq!(
        (tried["model"].as_str(), &tried["prompt"]["name"]),
        (Some("fake/chat"), &json!("summary"))
    );
    assert!(!tried["answer"].as_str().unwrap().is_empty());
    let wrong = editor
        .post(
            &format!("{PATH}/summary/render"),
            json!({"variables": {"topic": 1}}),
        )
        .await;
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/variables/topic");
    let bomb = json!({"name": "bomb", "messages": [{"role": "user", "text": "{% set a = 'x' %}"}]});
    let refused = editor.post(PATH, bomb).await;
    assert_eq!(
        (refused.status, &refused.json()["errors"][0]["pointer"]),
        (400, &json!("/messages/0/text"))
    );
}
