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

#[tokio::test]
async fn the_long_form_says_the_same() {
    let api = with_articles().await;
    let short = "/v1/search?q=tides&filter[tag]=sea&facets=tag,status&show_score=true&sort=-words";
    let short = api.creator().get(short).await.json();
    let body = json!({
        "q": "tides", "filter": {"tags": ["sea"]}, "facets": ["tag", "status"],
        "show_score": true, "sort": "-words"
    });
    let long = api.creator().post("/v1/search", body).await;
    assert_eq!(long.status, 200, "{long:?}");
    assert_eq!(long.json(), short);
    assert_eq!(
        short["facets"]["tag"],
        json!([{"value": "sea", "count": 2}, {"value": "moon", "count": 1}])
    );
}

#[tokio::test]
async fn cursors_go_through_all_pages_of_their_search() {
    let api = with_articles().await;
    let first = api.creator().get("/v1/search?q=tides&limit=1").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = format!("/v1/search?q=tides&limit=1&cursor={cursor}");
    let second = api.creator().get(&next).await.json();
    assert_eq!(second["offset"], 1);
    assert_ne!(second["data"][0]["id"], first["data"][0]["id"]);
    assert!(second["next_cursor"].is_null());
    for wrong in [
        format!("/v1/search?q=moon&limit=1&cursor={cursor}"),
        format!("/v1/search?q=tides&offset=1&cursor={cursor}"),
        "/v1/search?q=tides&cursor=x".to_owned(),
    ] {
        let refused = api.creator().get(&wrong).await;
        assert_eq!(refused.status, 400, "{wrong}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "?cursor");
    }
}

#[tokio::test]
async fn what_is_no_search_is_refused_with_what_would_do() {
    let api = TestApi::start().await;
    for (query, says) in [
        ("sort=title", "`created_at`"),
        ("facets=color", "`category`"),
        ("distinct=color", "`category`"),
        ("matching=some", "`frequency`"),
        ("crop=0", "1 to 200"),
        ("crop=201", "1 to 200"),
        ("limit=0", "1 to 100"),
    ] {
        let refused = api.viewer().get(&format!("/v1/search?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{query}: {detail}");
    }
    let unknown = json!({"q": "a", "filters": {}});
    assert_eq!(api.viewer().post("/v1/search", unknown).await.status, 400);
}

#[tokio::test]
async fn suggestions_are_words_of_what_may_be_read() {
    let api = with_articles().await;
    let found = api
        .viewer()
        .get("/v1/search/suggestions?q=the%20tid")
        .await
        .json();
    assert_eq!(
        found["data"],
        json!([{"text": "the tides", "documents": 1}]),
        "the draft is not counted"
    );
}

#[tokio::test]
async fn meaning_counts_where_it_is_asked_for() {
    let api = with_articles().await;
    api.services.embeddings.catch_up().await.unwrap();
    let words = api.viewer().get("/v1/search?q=ocean").await.json();
    assert_eq!(words["total"], 0);
    assert!(words.get("semantic").is_none(), "{words}");
    let path = "/v1/search?q=ocean&hybrid[ratio]=1&show_score=true";
    let found = api.viewer().get(path).await.json();
    assert_eq!(found["semantic"], "used");
    assert_eq!(found["total"], 1, "drafts are their owner's");
    assert_eq!(found["data"][0]["title"], "The tides");
    let body = json!({"q": "ocean", "hybrid": {"ratio": 1}, "show_score": true});
    let long = api.viewer().post("/v1/search", body).await;
    assert_eq!(long.json(), found);
    let refused = api.viewer().get("/v1/search?q=ocean&hybrid[ratio]=2").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["errors"][0]["pointer"], "?hybrid/ratio");
}

#[tokio::test]
async fn the_index_is_for_admins() {
    let api = with_articles().await;
    let stats = api.admin().get("/v1/search/index").await.json();
    assert_eq!(stats["documents"], 2);
    let report = api.admin().post("/v1/search/index/verify", json!({})).await;
    assert_eq!(report.json()["identical"], true);
    let rebuilt = api
        .admin()
        .post("/v1/search/index/rebuild", json!({}))
        .await;
    assert_eq!(rebuilt.json(), json!({"documents": 2}));
    assert_eq!(api.creator().get("/v1/search/index").await.status, 403);
}

#[tokio::test]
async fn a_refused_body_says_where() {
    let api = TestApi::start().await;
    for (body, pointer) in [
        (json!({"limit": 0}), "/limit"),
        (json!({"filter": []}), "/filter"),
        (json!({"filter": {"words": [1]}}), "/filter/words"),
        (json!({"filter": {"status": "lost"}}), "/filter/status"),
        (json!({"sort": "title"}), "/sort"),
    ] {
        let refused = api.creator().post("/v1/search", body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
    }
}
