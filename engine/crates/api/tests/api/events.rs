//! `/v1/events`

use axum::http::StatusCode;
use inkstone_testkit::api_client::{ServerEvent, TestApi};
use serde_json::json;

const ALL: &str = "/v1/events?follow=false&since=2020-01-01T00:00:00Z";

#[tokio::test]
async fn events_come_as_they_are_promised_and_go_on_after_the_last() {
    let api = TestApi::start().await;
    for title in ["One", "Two"] {
        let article = json!({"title": title});
        let made = api.creator().post("/v1/articles", article).await;
        assert_eq!(made.status, StatusCode::CREATED);
    }
    let events = api.creator().get(ALL).await.events();
    let of_articles: Vec<_> = events
        .iter()
        .filter(|event| event.name == "article.created")
        .map(ServerEvent::json)
        .collect();
    assert_eq!(of_articles.len(), 2);
    let first = &of_articles[0];
    assert_eq!(first["v"], 1);
    assert_eq!(first["type"], "article.created");
    assert_eq!(first["aggregate"]["kind"], "article");
    assert_eq!(first["aggregate"]["revision"], 1);
    assert_eq!(first["data"]["article"], first["aggregate"]["id"]);
    assert_eq!(first["project"], "default");

    let after = format!("{ALL}&after={}", first["id"].as_str().unwrap());
    let rest = api.creator().get(&after).await.events();
    let rest: Vec<_> = rest
        .iter()
        .map(|event| event.json()["id"].clone())
        .collect();
    assert_eq!(rest, [of_articles[1]["id"].clone()]);
    let only = format!("{ALL}&types=media.created,job.failed");
    assert!(api.creator().get(&only).await.events().is_empty());
}

#[tokio::test]
async fn what_others_own_is_not_heard() {
    let api = TestApi::start().await;
    let own = json!({"title": "Own"});
    let made = api.creator().post("/v1/articles", own).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert!(api.stranger().get(ALL).await.events().is_empty());
    assert!(!api.admin().get(ALL).await.events().is_empty());
    let hidden = format!("{ALL}&project=nowhere");
    assert!(api.stranger().get(&hidden).await.events().is_empty());
}

#[tokio::test]
async fn a_beginning_that_is_none_is_refused() {
    let api = TestApi::start().await;
    for (query, status, code) in [
        ("after=evt_1", 400, "invalid_input"),
        ("types=article.eaten", 400, "invalid_input"),
        ("since=yesterday", 400, "invalid_input"),
        ("befor=now", 400, "invalid_input"),
        ("after=evt_01J9ZQ7V8M3K5N2P4R6T8W0Y1A", 404, "not_found"),
    ] {
        let reply = api.creator().get(&format!("/v1/events?{query}")).await;
        assert_eq!(reply.status, status, "{query}");
        assert_eq!(reply.json()["code"], code, "{query}");
    }
}
