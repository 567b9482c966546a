//! `/v1/search`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

async fn with_articles() -> TestApi {
    let api = TestApi::start().await;
    for (title, tags, status) in [
        ("The tides", json!(["sea", "moon"]), "published"),
        ("The <b>tides</b> again", json!(["sea"]), "draft"),
    ] {
        let body =
            json!({"title": title, "body": "The moon pulls.", "tags": tags, "status": status});
        assert_eq!(api.creator().post("/v1/articles", body).await.status, 201);
    }
    api
}

#[tokio::test]
async fn hits_carry_what_a_list_shows() {
    let api = with_articles().await;
    let found = api.viewer().get("/v1/search?q=tides").await.json();
    assert_eq!(found["total"], 1, "drafts are their owner's");
    assert_eq!(found["limit"], 20);
    assert_eq!(found["offset"], 0);
    let hit = &found["data"][0];
    assert_eq!(hit["title"], "The tides");
    assert_eq!(hit["status"], "published");
    assert_eq!(hit["tags"], json!(["sea", "moon"]));
    assert_eq!(hit["snippet"], "The moon pulls.");
    assert_eq!(hit["highlight"]["title"], "The tides");
    assert!(hit["score"].is_number());
}

#[tokio::test]
async fn filters_pages_and_highlighting() {
    let api = with_articles().await;
    let total = async |query: &str| {
        let reply = api.creator().get(&format!("/v1/search?{query}")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["total"].as_u64().unwrap()
    };
    assert_eq!(total("q=tides").await, 2);
    assert_eq!(total("").await, 2, "nothing finds everything");
    assert_eq!(total("q=tides&filter[status]=draft").await, 1);
    assert_eq!(total("q=tides&filter[tag]=sea,moon").await, 1);
    assert_eq!(total("q=tides&filter[project]=other").await, 0);
    assert_eq!(
        total("q=%22%28%29%5B%3A").await,
        0,
        "whatever is typed is no error"
    );
    let page = api
        .creator()
        .get("/v1/search?q=tides&limit=1&offset=1&highlight=false")
        .await
        .json();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    assert_eq!(page["total"], 2);
    assert!(page["data"][0].get("highlight").is_none());
}
