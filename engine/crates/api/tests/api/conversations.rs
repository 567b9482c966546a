//! `/v1/projects/{slug}/chat` and `…/chats`.

use futures::future::join;
use inkstone_domain::{Error, codes};
use inkstone_testkit::Say;
use inkstone_testkit::api_client::TestApi;
use serde_json::{Value, json};

use crate::check;
use crate::media::add;

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
    let page = owner.get(&format!("{path}/messages?limit=3")).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = format!("{path}/messages?limit=3&cursor={cursor}");
    let rest = owner.get(&rest).await.json();
    let pages = [page["data"].as_array(), rest["data"].as_array()];
    let both: Vec<_> = pages.into_iter().flatten().flatten().cloned().collect();
    assert_eq!(both, *messages["data"].as_array().unwrap());
    assert_eq!(rest["next_cursor"], Value::Null);
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

/// What is said with one `Idempotency-Key` is said once, asked once and paid once.
#[tokio::test]
async fn a_key_says_it_once() {
    let api = TestApi::start().await;
    for (stream, key) in [(false, "a-1"), (true, "a-2")] {
        let owner = api.creator().with_header("idempotency-key", key);
        let body = json!({"message": "hi there", "stream": stream});
        let asked = api.provider.requests().len();
        let both = join(
            owner.post(CHAT, body.clone()),
            owner.post(CHAT, body.clone()),
        );
        let (one, other) = both.await;
        let again = owner.post(CHAT, body).await;
        assert_eq!(one.status, 200, "{one:?}");
        for reply in [&other, &again] {
            assert_eq!(reply.text(), one.text());
            for name in ["content-type", "x-inkstone-chat", "x-inkstone-message"] {
                assert_eq!(reply.header(name), one.header(name), "{name}");
            }
        }
        assert_eq!(again.header("idempotent-replayed"), "true");
        let is_stream = one.header("content-type") == "text/event-stream";
        assert_eq!(is_stream, stream);
        assert_eq!(api.provider.requests().len(), asked + 1);
        let chat = format!("{CHATS}/{}/messages", one.header("x-inkstone-chat"));
        let kept = api.creator().get(&chat).await.json();
        assert_eq!(kept["data"].as_array().unwrap().len(), 2, "{kept}");
        let other = owner.post(CHAT, json!({"message": "and?"})).await;
        check::problem(&other, 422, "idempotency_key_reused");
    }
    let chats = api.creator().get(CHATS).await.json();
    assert_eq!(chats["data"].as_array().unwrap().len(), 2);
    // The ledger is written behind the calls' backs.
    loop {
        let lines = api.creator().get("/v1/usage/attempts").await.json();
        let count = lines["data"].as_array().unwrap().len();
        assert!(count <= 2, "{lines}");
        if count == 2 {
            break;
        }
        tokio::task::yield_now().await;
    }

    // What broke is not kept, and says so.
    let owner = api.creator().with_header("idempotency-key", "a-3");
    let body = json!({"message": "hi", "stream": true});
    let broken = Error::new(&codes::UPSTREAM_ERROR, "the line is dead");
    api.provider.will_say([Say::text("hel"), Say::Fail(broken)]);
    let first = owner.post(CHAT, body.clone()).await;
    check::problem(&first, 502, "upstream_error");
    let again = owner.post(CHAT, body).await;
    assert_eq!(again.events().last().unwrap().data, "[DONE]");
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

#[tokio::test]
async fn files_and_articles_come_with_a_message() {
    let api = TestApi::start().await;
    let owner = api.creator();
    let picture = add(&owner, "default", "tide.png").await;
    let article = json!({"title": "Tides", "body": "The moon pulls the sea."});
    let article = owner.post("/v1/articles", article).await.json()["id"].clone();
    let answer = "\"The moon pulls the sea\" [1], they say [2].";
    api.provider
        .will_say([Say::text(answer)].into_iter().chain(Say::end(1, 1)));
    let body =
        json!({"message": "Why?", "attachments": [picture], "context": {"articles": [article]}});
    let said = owner.post(CHAT, body.clone()).await;
    assert_eq!(said.status, 200, "{said:?}");
    let said = said.json();
    let file = json!([{"id": picture, "version": 1, "variant": null, "name": "tide.png",
        "content_type": "image/png"}]);
    assert_eq!(said["message"]["attachments"], file);
    let given = json!([{"id": article, "revision": 1, "title": "Tides"}]);
    assert_eq!(said["message"]["articles"], given);
    let cited = json!([{"url": null, "title": "Tides", "author": null, "published": null,
        "article": article, "revision": 1, "number": 1, "quote": "The moon pulls the sea"}]);
    assert_eq!(said["answer"]["citations"], cited);
    let chat = said["chat"]["id"].as_str().unwrap();
    let kept = owner.get(&format!("{CHATS}/{chat}/messages")).await.json();
    assert_eq!(kept["data"][0]["attachments"], file);
    assert_eq!(kept["data"][1]["citations"], cited);

    // A key says what may be read with it.
    for (scopes, status) in [
        (vec!["models:call"], 403),
        (vec!["models:call", "media:read"], 403),
        (vec!["models:call", "media:read", "articles:read"], 200),
    ] {
        let key = json!({"name": "ci", "scopes": scopes});
        let key = owner.post("/v1/me/api-keys", key).await.json();
        let client = api.anonymous().with_token(key["token"].as_str().unwrap());
        assert_eq!(
            client.post(CHAT, body.clone()).await.status,
            status,
            "{scopes:?}"
        );
    }
    // Nobody reads files and articles of others this way.
    for (body, pointer) in [
        (
            json!({"message": "a", "attachments": [picture]}),
            "/attachments/0",
        ),
        (
            json!({"message": "a", "context": {"articles": [article]}}),
            "/context/articles/0",
        ),
    ] {
        let problem = check::problem(&api.stranger().post(CHAT, body).await, 400, "invalid_input");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn what_no_model_takes_is_refused() {
    let api = TestApi::start().await;
    let owner = api.creator();
    let form = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
        content-type: application/pdf\r\n\r\n%PDF-1.7\n%%EOF\n\r\n--edge--\r\n";
    let form_type = "multipart/form-data; boundary=edge";
    let made = owner
        .post_raw("/v1/projects/default/media", form_type, form)
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let body = json!({"message": "a", "attachments": [made.json()["id"]]});
    check::problem(&owner.post(CHAT, body).await, 422, "attachment_unusable");
    let bodies = [
        json!({"message": "a", "attachments": ["art_1"]}),
        json!({"message": "a", "context": {"article": []}}),
        json!({"message": "a", "context": {}}),
    ];
    for body in bodies {
        check::problem(&owner.post(CHAT, body).await, 400, "invalid_input");
    }
    assert_eq!(owner.get(CHATS).await.json()["data"], json!([]));
}
