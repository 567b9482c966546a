//! `/v1/projects/{slug}/tags`: counted, renamed, merged and taken away; and reviews that a project wants.

use axum::http::Method;
use inkstone_testkit::api_client::{ApiClient, TestApi};
use serde_json::{Value, json};

use crate::lists::url_encoded;
use crate::projects::with_handbook;

async fn handbook() -> TestApi {
    let api = with_handbook().await;
    for tags in [
        json!(["sea", "moon"]),
        json!(["sea"]),
        json!(["ocean", "sea"]),
    ] {
        let article = json!({"title": "A", "project": "handbook", "tags": tags});
        let made = api.creator().post("/v1/articles", article).await;
        assert_eq!(made.status, 201);
    }
    api
}

async fn tags(client: &ApiClient) -> Value {
    client.get("/v1/projects/handbook/tags").await.json()["data"].clone()
}

async fn change(client: &ApiClient, way: &str, body: Value) -> (u16, Value) {
    let path = format!("/v1/projects/handbook/tags/{way}");
    let reply = client.send(Method::POST, &path, Some(body)).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn tags_are_counted_renamed_and_merged() {
    let api = handbook().await;
    let client = &api.creator();
    let tag = |name: &str, articles: u64| json!({"name": name, "articles": articles});
    assert_eq!(
        tags(client).await,
        json!([tag("moon", 1), tag("ocean", 1), tag("sea", 3)])
    );

    let (status, done) = change(client, "moon/rename", json!({"to": "Mond & “Sterne”"})).await;
    assert_eq!((status, done), (200, json!({"changed": 1, "done": true})));
    let (status, problem) = change(client, "sea/rename", json!({"to": "ocean"})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    let (status, done) = change(client, "sea/merge", json!({"into": "ocean"})).await;
    assert_eq!((status, done), (200, json!({"changed": 3, "done": true})));
    assert_eq!(
        tags(client).await,
        json!([tag("Mond & “Sterne”", 1), tag("ocean", 3)])
    );

    let list = client
        .get("/v1/articles?filter[project]=handbook&filter[tag]=ocean")
        .await
        .json();
    let newest = &list["data"][0];
    assert_eq!(newest["tags"], json!(["ocean"]), "it has the tag once");
    let revisions = format!("/v1/articles/{}/revisions", newest["id"].as_str().unwrap());
    let revisions = client.get(&revisions).await.json();
    assert_eq!(revisions["data"][0]["comment"], "tag `sea` → `ocean`");

    let odd = url_encoded("Mond & “Sterne”");
    let path = format!("/v1/projects/handbook/tags/{odd}");
    assert_eq!(
        client.delete(&path).await.json(),
        json!({"changed": 1, "done": true})
    );
    assert_eq!(client.delete(&path).await.status, 404);
    assert_eq!(tags(client).await, json!([tag("ocean", 3)]));

    let log = api
        .admin()
        .get("/v1/audit?filter[subject]=project:handbook&limit=2")
        .await
        .json();
    assert_eq!(log["data"][0]["action"], "tag.removed");
    assert_eq!(log["data"][1]["detail"], "tag `sea` → `ocean`");
}

#[tokio::test]
async fn tags_that_are_none_are_refused() {
    let api = handbook().await;
    for bad in ["", " ", &"x".repeat(65)] {
        let (status, _) = change(&api.creator(), "sea/rename", json!({"to": bad})).await;
        assert_eq!(status, 400, "{bad:?}");
    }
    let (status, _) = change(
        &api.creator(),
        "sea/merge",
        json!({"into": "a", "owner": "x"}),
    )
    .await;
    assert_eq!(status, 400);
    let (status, _) = change(&api.stranger(), "sea/merge", json!({"into": "a"})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn in_default_everybody_keeps_their_own_tags() {
    let api = TestApi::start().await;
    for client in [api.creator(), api.stranger()] {
        let article = json!({"title": "A", "tags": ["sea"]});
        assert_eq!(client.post("/v1/articles", article).await.status, 201);
    }
    let path = "/v1/projects/default/tags/sea/merge";
    let done = api.creator().post(path, json!({"into": "ocean"})).await;
    assert_eq!(done.json(), json!({"changed": 1, "done": true}));
    let left = api
        .stranger()
        .get("/v1/articles?filter[project]=default&filter[tag]=sea")
        .await;
    assert_eq!(left.json()["data"].as_array().unwrap().len(), 1);
    let told = api.stranger().get("/v1/projects/default/tags").await.json();
    assert_eq!(told["data"], json!([]), "drafts of others are not counted");
}

#[tokio::test]
async fn a_project_may_want_a_review_before_anything_is_published() {
    let api = TestApi::start().await;
    let client = &api.creator();
    let new = json!({"slug": "strict", "settings": {"review": "required"}});
    let made = client.post("/v1/projects", new).await;
    assert_eq!(made.json()["settings"]["review"], "required");
    let born = json!({"title": "A", "project": "strict", "status": "published"});
    assert_eq!(client.post("/v1/articles", born).await.status, 403);
    let article = json!({"title": "A", "project": "strict"});
    let article = client.post("/v1/articles", article).await.json();
    let path = format!("/v1/articles/{}", article["id"].as_str().unwrap());
    let step = async |to: &str| {
        let reply = client
            .post(&format!("{path}/transitions"), json!({"to": to}))
            .await;
        (reply.status, reply.json())
    };
    let (status, problem) = step("published").await;
    assert_eq!(status, 403);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("needs a review"),
        "{problem}"
    );
    let patch = client
        .send(Method::PATCH, &path, Some(json!({"status": "published"})))
        .await;
    assert_eq!(patch.status, 403);
    for to in ["in_review", "approved", "published"] {
        assert_eq!(step(to).await.0, 200, "{to}");
    }
}
