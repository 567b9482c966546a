//! `/v1/projects/{slug}/chat` and `…/chats`.

use inkstone_testkit::api_client::TestApi;
use serde_json::{Value, json};

const CHAT: &str = "/v1/projects/default/chat";
const CHATS: &str = "/v1/projects/default/chats";

#[tokio::test]
async fn a_chat_is_begun_gone_on_with_and_deleted() {
    let api = TestApi::start().await;
    let owner = api.creator();
    let said = owner.post(CHAT, json!({"message": "hi there"})).await;
    assert_eq!(said.status, 200, "{said:?}");
    let body = said.json();
    let id = body["chat"]["id"].as_str().unwrap();
    assert_eq!(said.header("x-inkstone-chat"), id);
    assert_eq!(body["chat"]["title"], "hi there");
    assert_eq!(body["answer"]["parent"], body["message"]["id"]);
    assert_eq!(body["answer"]["state"], "complete");
    assert_eq!(
        said.header("x-inkstone-message"),
        body["answer"]["id"].as_str().unwrap()
    );

    let more = owner
        .post(CHAT, json!({"chat": id, "message": "and?"}))
        .await
        .json();
    assert_eq!(more["message"]["parent"], body["answer"]["id"]);
    let again = json!({"chat": id, "regenerate": more["answer"]["id"]});
    let again = owner.post(CHAT, again).await.json();
    assert_eq!(again["answer"]["parent"], more["message"]["id"]);

    let path = format!("{CHATS}/{id}");
    let messages = owner.get(&format!("{path}/messages")).await.json();
    assert_eq!(messages["data"].as_array().unwrap().len(), 5);
    let shown = owner.get(&path).await;
    let held = owner
        .clone()
        .with_header("if-none-match", shown.header("etag"));
    assert_eq!(held.get(&path).await.status, 304);
    let renamed = owner.clone().with_header("if-match", shown.header("etag"));
    let renamed = renamed.patch(&path, json!({"title": "Tides"})).await;
    assert_eq!(
        (renamed.status, &renamed.json()["title"]),
        (200, &json!("Tides"))
    );
    let stale = owner.clone().with_header("if-match", shown.header("etag"));
    assert_eq!(stale.patch(&path, json!({"title": "x"})).await.status, 412);
    assert_eq!(owner.get(CHATS).await.json()["data"][0]["id"], id);
    assert_eq!(owner.delete(&format!("{path}/answer")).await.status, 409);

    assert_eq!(api.stranger().get(&path).await.status, 404);
    assert_eq!(api.stranger().delete(&path).await.status, 404);
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(owner.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_stream_is_openais_chunks_and_is_kept() {
    let api = TestApi::start().await;
    let owner = api.creator();
    let said = owner
        .post(CHAT, json!({"message": "hi", "stream": true}))
        .await;
    assert_eq!(said.header("content-type"), "text/event-stream");
    let events = said.events();
    assert_eq!(events.last().unwrap().data, "[DONE]");
    let text: String = events[..events.len() - 1]
        .iter()
        .map(|event| event.json())
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    let path = format!("{CHATS}/{}/messages", said.header("x-inkstone-chat"));
    let messages = owner.get(&path).await.json();
    let answer = &messages["data"][1];
    assert_eq!(answer["id"], said.header("x-inkstone-message"));
    assert_eq!(
        (answer["text"].as_str().unwrap(), answer["state"].as_str()),
        (text.as_str(), Some("complete"))
    );
}

#[tokio::test]
async fn what_is_said_must_make_sense() {
    let api = TestApi::start().await;
    let owner = api.creator();
    for (body, pointer) in [
        (json!({}), "/message"),
        (json!({"message": " "}), "/message"),
        (
            json!({"message": "a", "regenerate": "msg_00000000000000000000000000"}),
            "/message",
        ),
        (
            json!({"regenerate": "msg_00000000000000000000000000"}),
            "/chat",
        ),
        (json!({"chat": "art_x", "message": "a"}), "/chat"),
        (json!({"message": "a", "owner": "me"}), "/owner"),
    ] {
        let refused = owner.post(CHAT, body.clone()).await;
        let reply: Value = refused.json();
        assert_eq!(
            (refused.status, &reply["errors"][0]["pointer"]),
            (400, &json!(pointer)),
            "{body}"
        );
    }
    let prompt = json!({"message": "a", "prompt": {"name": "nothing"}});
    assert_eq!(owner.post(CHAT, prompt).await.status, 404);
    let nowhere = owner
        .post("/v1/projects/nowhere/chat", json!({"message": "a"}))
        .await;
    assert_eq!(nowhere.status, 404);
}
