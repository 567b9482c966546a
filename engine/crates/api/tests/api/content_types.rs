//! `/v1/content-types`, and the fields of articles.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

#[tokio::test]
async fn a_type_gives_articles_their_fields() {
    let api = TestApi::start().await;
    let schema = json!({"type": "object", "required": ["minutes"]});
    let new = json!({"name": "recipe", "title": "Recipe", "schema": schema});
    let reply = api.admin().post("/v1/content-types", new.clone()).await;
    assert_eq!((reply.status, reply.header("etag")), (201, "\"1\""));
    assert_eq!(reply.header("location"), "/v1/content-types/recipe");
    let again = api.admin().post("/v1/content-types", new).await;
    check::problem(&again, 409, "already_exists");
    let read = api.viewer().get("/v1/content-types/recipe").await;
    assert_eq!(read.json()["schema"], schema);
    let held = api.viewer().with_header("if-none-match", "\"1\"");
    assert_eq!(held.get("/v1/content-types/recipe").await.status, 304);
    let list = api.viewer().get("/v1/content-types").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    let article = json!({
        "title": "Bread", "content_type": "recipe", "fields": {"minutes": 90},
        "categories": ["Food"], "authors": ["Ada"], "cover": "https://example.org/b.png",
        "meta_title": "Best bread", "canonical_url": "https://example.org/bread", "no_index": true,
    });
    let reply = api.creator().post("/v1/articles", article.clone()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let written = reply.json();
    for (name, value) in article.as_object().unwrap() {
        assert_eq!(written[name], *value, "{name}");
    }
    let path = format!("/v1/articles/{}", written["id"].as_str().unwrap());
    let refused = api.creator().patch(&path, json!({"fields": {}})).await;
    let problem = check::problem(&refused, 400, "schema_mismatch");
    assert_eq!(problem["errors"][0]["pointer"], "/fields");
    let plain = json!({"fields": {}, "content_type": "", "cover": "", "no_index": false});
    let reply = api.creator().patch(&path, plain).await.json();
    assert_eq!(
        (&reply["content_type"], &reply["cover"]),
        (&json!(""), &json!(""))
    );
    let diff = api
        .creator()
        .get(&format!("{path}/revisions/2/diff"))
        .await
        .json();
    let changed: Vec<&str> = diff["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["field"].as_str().unwrap())
        .collect();
    assert_eq!(changed, ["cover", "no_index", "content_type", "fields"]);

    let body = json!({"title": "Recipes", "schema": {}});
    let stale = api.admin().with_header("if-match", "\"9\"");
    let refused = stale.send(
        axum::http::Method::PUT,
        "/v1/content-types/recipe",
        Some(body.clone()),
    );
    let problem = check::problem(&refused.await, 412, "revision_mismatch");
    assert_eq!(problem["current_revision"], 1);
    let fresh = api.admin().with_header("if-match", "\"1\"");
    let changed = fresh.send(
        axum::http::Method::PUT,
        "/v1/content-types/recipe",
        Some(body),
    );
    assert_eq!(changed.await.json()["revision"], 2);
}

#[tokio::test]
async fn translations_are_listed_together() {
    let api = TestApi::start().await;
    let client = api.creator();
    let english = client
        .post("/v1/articles", json!({"title": "Tides"}))
        .await
        .json();
    let german = json!({"title": "Gezeiten", "language": "de", "translation_of": english["id"]});
    let german = client.post("/v1/articles", german).await.json();
    assert_eq!(german["translation_of"], english["id"]);
    let path = format!(
        "/v1/articles/{}/translations",
        german["id"].as_str().unwrap()
    );
    let list = client.get(&path).await.json();
    assert_eq!(list["data"][0]["id"], german["id"]);
    assert_eq!(list["data"][1]["id"], english["id"]);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    check::problem(&api.stranger().get(&path).await, 404, "not_found");
}
