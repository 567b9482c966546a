//! `/v1/search`.

use axum::http::Method;
use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::projects::with_handbook;

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
    let bare = "/v1/search?q=tides&highlight=false&crop=0";
    let page = api.creator().get(bare).await.json();
    assert!(page["data"][0].get("snippet").is_none());
    assert!(page["data"][0]["title"].is_string());
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
        ("crop=201", "at most 200"),
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

const SETTINGS: &str = "/v1/projects/handbook/search-settings";

#[tokio::test]
async fn projects_say_what_words_mean() {
    let api = with_handbook().await;
    let client = api.creator();
    let before = client.get(SETTINGS).await;
    assert_eq!(before.header("etag"), "\"0\"");
    assert_eq!(before.json()["synonyms"], json!([]));
    assert!(before.json()["updated_at"].is_null());

    let wished = json!({
        "stop_words": ["lorem"],
        "synonyms": [{"words": ["nyc", "new york"]}, {"of": "phone", "words": ["pixel"]}],
    });
    let told = client
        .send(Method::PUT, SETTINGS, Some(wished.clone()))
        .await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.header("etag"), "\"1\"");
    assert_eq!(told.json()["synonyms"], wished["synonyms"]);
    assert_eq!(client.get(SETTINGS).await.json(), told.json());
    let again = client.send(Method::PUT, SETTINGS, Some(wished)).await;
    assert_eq!(again.json()["revision"], 1, "the same is no change");

    let holding = api.creator().with_header("if-none-match", "\"1\"");
    let held = holding.get(SETTINGS).await;
    assert_eq!(held.status, 304);
    let empty = Some(json!({}));
    let stale = api.creator().with_header("if-match", "\"0\"");
    let stale = stale.send(Method::PUT, SETTINGS, empty.clone()).await;
    assert_eq!(stale.status, 412);
    let fresh = api.creator().with_header("if-match", "\"1\"");
    let emptied = fresh.send(Method::PUT, SETTINGS, empty).await;
    assert_eq!(emptied.json()["revision"], 2);
    assert_eq!(emptied.json()["stop_words"], json!([]));
}

#[tokio::test]
async fn words_that_cannot_be_are_named() {
    let api = with_handbook().await;
    let wished = json!({"stop_words": ["two words"], "synonyms": [{"words": ["alone"]}]});
    let refused = api
        .creator()
        .send(Method::PUT, SETTINGS, Some(wished))
        .await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let problem = refused.json();
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().collect();
    assert_eq!(pointers[0]["pointer"], "/stop_words/0");
    assert_eq!(pointers[1]["pointer"], "/synonyms/0/words");
}

#[tokio::test]
async fn other_kinds_are_found_by_who_may_read_them() {
    let api = with_handbook().await;
    let client = api.creator();
    let prompt = json!({
        "name": "tides", "messages": [{"role": "system", "text": "Write about tides."}]
    });
    let made = client.post("/v1/projects/handbook/prompts", prompt).await;
    assert_eq!(made.status, 201, "{made:?}");
    let medium = crate::media::add(&client, "handbook", "tides.png").await;
    let article = json!({"title": "The tides", "project": "handbook"});
    assert_eq!(client.post("/v1/articles", article).await.status, 201);

    let kinds = "/v1/search?q=tides&kind=article,prompt,media,message&facets=kind";
    let found = client.get(kinds).await.json();
    assert_eq!(found["total"], 3, "{found}");
    assert_eq!(
        found["facets"]["kind"],
        json!([
            {"value": "article", "count": 1},
            {"value": "media", "count": 1},
            {"value": "prompt", "count": 1},
        ])
    );
    let media = client.get("/v1/search?q=tides&kind=media").await.json();
    assert_eq!(media["data"][0]["id"], json!(medium));
    assert_eq!(media["data"][0]["kind"], "media");
    assert!(media["data"][0]["status"].is_null());
    let long = json!({"q": "tides", "kinds": ["media"]});
    assert_eq!(client.post("/v1/search", long).await.json(), media);
    let usual = client.get("/v1/search?q=tides").await.json();
    assert_eq!(usual["total"], 1, "articles where nothing is said");

    let stranger = api.stranger().get(kinds).await.json();
    assert_eq!(stranger["total"], 0);
    assert_eq!(stranger["facets"]["kind"], json!([]));
    let wrong = client.get("/v1/search?kind=picture").await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["errors"][0]["pointer"], "?kind");
}

#[tokio::test]
async fn messages_are_found_by_whose_chat_it_is() {
    let api = with_handbook().await;
    let client = api.creator();
    let chat = client
        .post(
            "/v1/projects/handbook/chat",
            json!({"message": "About tides?"}),
        )
        .await;
    assert_eq!(chat.status, 200, "{chat:?}");
    let path = "/v1/search?q=tides&kind=message";
    let found = client.get(path).await.json();
    assert!(found["total"].as_u64().unwrap() >= 1, "{found}");
    let hit = &found["data"][0];
    assert!(hit["id"].as_str().unwrap().starts_with("msg_"));
    assert!(hit["conversation"].as_str().unwrap().starts_with("cnv_"));
    for other in [api.admin(), api.stranger()] {
        assert_eq!(other.get(path).await.json()["total"], 0);
    }
}

#[tokio::test]
async fn searches_are_saved_shown_and_removed() {
    let api = TestApi::start().await;
    let client = api.creator();
    let wished = json!({
        "name": "Tides", "q": "low tide", "kinds": ["article", "media"], "alert": true,
        "filter": {"tags": ["sea"], "created_at": {"lt": "2026-03-01T00:00:00Z"}},
    });
    let saved = client.post("/v1/searches", wished).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    let search = saved.json();
    assert_eq!(search["matching"], "all", "where nothing is said");
    assert_eq!(search["filter"]["created_at"]["lt"], "2026-03-01T00:00:00Z");
    assert_eq!(search["alert"], true);
    let path = format!("/v1/searches/{}", search["id"].as_str().unwrap());
    assert_eq!(saved.header("location"), path);
    assert_eq!(client.get(&path).await.json(), search);
    let listed = client.get("/v1/searches").await.json();
    assert_eq!(listed["data"], json!([search]));
    assert_eq!(
        api.admin().get("/v1/searches").await.json()["data"],
        json!([])
    );
    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    for wrong in [
        json!({"name": "x", "matching": "some"}),
        json!({"name": "x", "kinds": ["picture"]}),
        json!({"name": ""}),
        json!({"q": "x"}),
    ] {
        assert_eq!(client.post("/v1/searches", wrong).await.status, 400);
    }
}
