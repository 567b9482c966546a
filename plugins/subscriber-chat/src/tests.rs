//! What is posted, and what becomes of what the chat answers.

use inkstone_plugin::subscriber::*;
use inkstone_plugin::testing::{self, HttpAnswer};
use serde_json::{Value, json};

use crate::Chat;

const ARTICLE: &str = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P";

fn created() -> Event {
    let data = json!({ "article": ARTICLE, "revision": 1 });
    testing::event("article.created", ARTICLE, &data)
}

fn told(settings: Value, event: Event, answer: HttpAnswer) -> Result<Value> {
    testing::reset();
    testing::settings(&settings);
    testing::http(move |_| Ok(answer.clone()));
    Chat.handle(event)?;
    let requests = testing::http_requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].url, settings["url"]);
    let credential = settings["credential"].as_str().unwrap_or("chat");
    assert_eq!(requests[0].credential.as_deref().unwrap_or(""), credential);
    Ok(serde_json::from_slice(requests[0].body.as_ref().unwrap()).unwrap())
}

#[test]
fn a_message_says_what_the_admin_wants_said() {
    let ok = || testing::response(200).json(&json!({ "ok": true }));
    let url = "https://chat.example.org/api";
    let plain = told(json!({ "url": url }), created(), ok()).unwrap();
    assert_eq!(
        plain,
        json!({ "text": format!("article.created: {ARTICLE}") })
    );

    let in_project = Event {
        project: Some("handbook".to_owned()),
        ..created()
    };
    let settings = json!({
        "url": url, "field": "message", "fields": { "channel_id": "c1" }, "credential": "",
        "texts": { "article.created": "{id} {revision} in {project} {", "*": "{what} {type}" },
    });
    let own = told(settings.clone(), in_project.clone(), ok()).unwrap();
    let said = format!("{ARTICLE} 1 in handbook {{");
    assert_eq!(own, json!({ "channel_id": "c1", "message": said }));
    let other = Event {
        type_: "article.deleted".to_owned(),
        ..in_project
    };
    let other = told(settings, other, ok()).unwrap();
    assert_eq!(other["message"], "{what} article.deleted");
}

#[test]
fn what_the_chat_refuses_is_a_fault() {
    let settings = || json!({ "url": "https://chat.example.org/api" });
    for (answer, kind) in [
        (testing::response(503), ErrorKind::Unavailable),
        (testing::response(429), ErrorKind::RateLimited),
        (
            testing::response(200).json(&json!({ "ok": false, "error": "ratelimited" })),
            ErrorKind::RateLimited,
        ),
        (
            testing::response(200).json(&json!({ "ok": false, "error": "channel_not_found" })),
            ErrorKind::Upstream,
        ),
    ] {
        let error = told(settings(), created(), answer).unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
    }
    for silent in [testing::response(204), testing::response(200).body("ok")] {
        told(settings(), created(), silent).unwrap();
    }
}
