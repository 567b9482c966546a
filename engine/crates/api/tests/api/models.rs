//! `/v1/models`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

#[tokio::test]
async fn models_and_aliases_are_listed() {
    let api = TestApi::start().await;
    let chat = json!({"id": "fake/chat", "object": "model", "created": 0, "owned_by": "provider-fake",
                      "kind": "chat", "context_length": 4096});
    let embed = json!({"id": "fake/embed", "object": "model", "created": 0, "owned_by": "provider-fake",
                       "kind": "embedding", "context_length": 512});
    let mut quick = chat.clone();
    quick["id"] = json!("quick");
    assert_eq!(
        api.viewer().get("/v1/models").await.json(),
        json!({"object": "list", "data": [chat, embed, quick]})
    );
}

#[tokio::test]
async fn one_model_with_its_slash() {
    let api = TestApi::start().await;
    for path in ["/v1/models/fake/chat", "/v1/models/fake%2Fchat"] {
        let reply = api.viewer().get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.json()["id"], "fake/chat");
    }
    let reply = api.viewer().get("/v1/models/fake/nothing").await;
    check::openai_error(&reply, 404, "invalid_request_error", "unknown_model");
}
