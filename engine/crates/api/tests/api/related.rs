//! `/v1/articles/{id}/related`: what is like an article, among what may be read.

use inkstone_testkit::api_client::{ApiClient, TestApi};
use serde_json::{Value, json};

use crate::check;

async fn write(client: &ApiClient, body: Value) -> String {
    let made = client.post("/v1/articles", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn related(client: &ApiClient, id: &str, query: &str) -> Vec<String> {
    let reply = client
        .get(&format!("/v1/articles/{id}/related{query}"))
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = reply.json();
    let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
    reply["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn what_is_alike_is_found_best_first() {
    let api = TestApi::start().await;
    let client = api.creator();
    let about = write(&client, json!({"title": "Tides", "tags": ["sea", "moon"]})).await;
    let both = json!({"title": "Ebb", "tags": ["moon", "sea"], "status": "published"});
    let both = write(&client, both).await;
    let one = write(&client, json!({"title": "Harbours", "tags": ["sea"]})).await;
    write(&client, json!({"title": "Deserts", "tags": ["sand"]})).await;
    let translation = json!({"title": "Gezeiten", "language": "de", "tags": ["sea", "moon"],
        "translation_of": about});
    let translation = write(&client, translation).await;
    assert_eq!(related(&client, &about, "").await, [both.as_str(), &one]);
    assert_eq!(
        related(&client, &translation, "").await,
        [both.as_str(), &one]
    );
    assert_eq!(related(&client, &about, "?limit=1").await, [both.as_str()]);
    let published = "?filter[status]=published";
    assert_eq!(related(&client, &about, published).await, [both.as_str()]);
    let elsewhere = "?filter[project]=elsewhere";
    assert!(related(&client, &about, elsewhere).await.is_empty());
    let reply = client.get(&format!("/v1/articles/{about}/related")).await;
    let first = &reply.json()["data"][0];
    assert!(first["score"].as_f64().unwrap() > 0.0, "{first}");
    assert_eq!((&first["title"], first.get("body")), (&json!("Ebb"), None));
    let none = format!("/v1/articles/{about}/related?limit=0");
    check::problem(&client.get(&none).await, 400, "invalid_input");
}

#[tokio::test]
async fn nobody_is_shown_what_they_may_not_read() {
    let api = TestApi::start().await;
    let client = api.creator();
    let made = client.post("/v1/projects", json!({"slug": "one"})).await;
    assert_eq!(made.status, 201);
    let text = |more: Value| {
        let mut text = json!({"title": "Tides", "tags": ["sea"]});
        for (key, value) in more.as_object().unwrap() {
            text[key] = value.clone();
        }
        text
    };
    let draft = write(&client, text(json!({}))).await;
    let of_project = write(&client, text(json!({"project": "one"}))).await;
    let public = write(&client, text(json!({"status": "published"}))).await;
    let own = write(&api.stranger(), text(json!({}))).await;

    let stranger = api.stranger();
    assert_eq!(related(&stranger, &own, "").await, [public.as_str()]);
    assert_eq!(related(&stranger, &public, "").await, [own.as_str()]);
    let hidden = format!("/v1/articles/{draft}/related");
    check::problem(&stranger.get(&hidden).await, 404, "not_found");
    let mut all = related(&api.admin(), &public, "").await;
    all.sort();
    let mut expected = [draft, of_project, own];
    expected.sort();
    assert_eq!(all, expected);
}
