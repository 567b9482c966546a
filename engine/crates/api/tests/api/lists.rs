//! Lists of articles: filters, orders, fields and pages, and what is refused.

use inkstone_testkit::api_client::{ApiClient, Identity, TestApi};
use serde_json::{Value, json};

use crate::projects::with_handbook;

/// Ends of texts, statements and paths.
const NASTY: [&str; 7] = [
    "' OR true --",
    "x'; DELETE article; --",
    "$owner",
    "a } RETURN article",
    "\\u0000",
    "(a+)+$",
    "../../etc/passwd",
];

async fn handbook() -> TestApi {
    let api = with_handbook().await;
    let client = &api.creator();
    for (title, status, tag, locale) in [
        ("Bravo", "draft", "sea", "en"),
        ("alpha", "published", "moon", "pt-BR"),
        ("Charlie", "draft", "sea", "en"),
    ] {
        let article = json!({
            "title": title, "status": status, "tags": [tag], "language": locale,
            "categories": ["c"], "authors": ["Ada"], "project": "handbook",
        });
        assert_eq!(client.post("/v1/articles", article).await.status, 201);
    }
    api
}

async fn titles(client: &ApiClient, query: &str) -> Vec<String> {
    let reply = client.get(&format!("/v1/articles?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {reply:?}");
    let list = reply.json();
    let items = list["data"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["title"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn filters_and_orders() {
    let api = handbook().await;
    let client = &api.creator();
    for (query, wanted) in [
        ("", &["Charlie", "alpha", "Bravo"][..]),
        ("sort=created_at", &["Bravo", "alpha", "Charlie"]),
        ("sort=title", &["alpha", "Bravo", "Charlie"]),
        ("sort=-updated_at", &["Charlie", "alpha", "Bravo"]),
        ("filter[status]=draft", &["Charlie", "Bravo"]),
        ("filter[tag]=sea", &["Charlie", "Bravo"]),
        ("filter[tag]=sea&filter[status]=published", &[]),
        ("filter[category]=c&filter[status]=published", &["alpha"]),
        ("filter[locale]=PT-br", &["alpha"]),
        ("filter[author]=Ada", &["Charlie", "alpha", "Bravo"]),
        ("filter[type]=recipe", &[]),
        (
            "filter[created_at][gte]=2000-01-01T00:00:00Z",
            &["Charlie", "alpha", "Bravo"],
        ),
        ("filter[created_at][lt]=2000-01-01T00:00:00Z", &[]),
        (
            "sort=-updated_at&filter[updated_at][gte]=2000-01-01T00:00:00Z&filter[status]=draft",
            &["Charlie", "Bravo"],
        ),
    ] {
        let query = format!("filter[project]=handbook&{query}");
        let query = query.trim_end_matches('&');
        assert_eq!(titles(client, query).await, wanted, "{query}");
    }
    let stranger = &api.stranger();
    let refused = stranger
        .get("/v1/articles?filter[project]=handbook&sort=title")
        .await;
    assert_eq!(
        refused.status, 400,
        "they have no list there but their own and what is published"
    );
    let public = titles(
        stranger,
        "filter[project]=handbook&filter[status]=published",
    )
    .await;
    assert_eq!(public, ["alpha"]);
    let own = titles(stranger, "filter[project]=handbook&filter[status]=draft").await;
    assert_eq!(own, Vec::<String>::new());
}

#[tokio::test]
async fn what_no_index_has_is_refused_and_says_what_there_is() {
    let api = handbook().await;
    for (query, code, hint) in [
        ("filter[tag]=sea", "unindexed_filter", "within a project"),
        ("sort=title", "unindexed_sort", "within a project"),
        (
            "sort=-title",
            "unindexed_sort",
            "`-created_at`, `created_at`, `-updated_at` or `title`",
        ),
        ("sort=body", "unindexed_sort", "`-updated_at`"),
        (
            "filter[project]=handbook&filter[tag]=sea&filter[author]=Ada",
            "unindexed_filter",
            "one of",
        ),
        (
            "filter[project]=handbook&filter[tag]=sea&sort=title",
            "unindexed_sort",
            "`sort=-created_at`",
        ),
        (
            "filter[updated_at][gte]=2026-01-01T00:00:00Z",
            "unindexed_filter",
            "`sort=-updated_at`",
        ),
    ] {
        let refused = api.creator().get(&format!("/v1/articles?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        let problem = refused.json();
        assert_eq!(problem["code"], code, "{query}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(hint), "{query}: {detail}");
    }
    for query in [
        "filter[created_at][gte]=yesterday",
        "filter[created_at]=2026-01-01T00:00:00Z",
        "filter[created_at][$ne]=1",
        "filter[owner][$ne]=x",
        "filter[title]=x",
        "fields=title,password_hash",
        "fields=",
        "fields=*",
        "limit=101",
    ] {
        let refused = api.creator().get(&format!("/v1/articles?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
    }
}

#[tokio::test]
async fn only_the_fields_that_were_asked_for() {
    let api = handbook().await;
    let reply = api
        .creator()
        .get("/v1/articles?fields=title,%20revision&limit=2")
        .await;
    let list = reply.json();
    assert_eq!(
        list["data"],
        json!([{"title": "Charlie", "revision": 1}, {"title": "alpha", "revision": 1}])
    );
    assert!(list["next_cursor"].is_string());
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let api = handbook().await;
    let client = &api.creator();
    for sort in ["-created_at", "created_at", "-updated_at", "title"] {
        let whole = titles(client, &format!("filter[project]=handbook&sort={sort}")).await;
        let mut shown = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/articles?filter[project]=handbook&sort={sort}&limit=1{cursor}");
            let page = client.get(&path).await.json();
            shown.push(page["data"][0]["title"].as_str().unwrap().to_owned());
            match &page["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!(shown, whole, "{sort}");
    }
}

#[tokio::test]
async fn nothing_gets_through_a_filter() {
    let api = handbook().await;
    let client = &api.creator();
    for nasty in NASTY {
        let word: String = url_encoded(nasty);
        for parameter in [
            "filter[tag]",
            "filter[category]",
            "filter[locale]",
            "filter[author]",
            "filter[type]",
        ] {
            let query = format!("filter[project]=handbook&{parameter}={word}");
            assert_eq!(
                titles(client, &query).await,
                Vec::<String>::new(),
                "{query}"
            );
        }
        for parameter in [
            "filter[project]",
            "filter[owner]",
            "filter[status]",
            "sort",
            "fields",
            "cursor",
            "limit",
            "filter[created_at][gte]",
        ] {
            let reply = client
                .get(&format!("/v1/articles?{parameter}={word}"))
                .await;
            assert_eq!(reply.status, 400, "{parameter}={nasty}: {reply:?}");
        }
        let query = format!("/v1/articles?filter[project]=handbook&sort=title&cursor={word}");
        assert_eq!(client.get(&query).await.status, 400, "{nasty}");
    }
    let long = "a".repeat(5_000);
    assert_eq!(
        titles(
            client,
            &format!("filter[project]=handbook&filter[tag]={long}")
        )
        .await,
        Vec::<String>::new()
    );
    assert_eq!(titles(client, "filter[project]=handbook").await.len(), 3);
}

#[tokio::test]
async fn search_finds_the_drafts_of_ones_projects_and_of_no_others() {
    let api = handbook().await;
    let found = async |who: &ApiClient| {
        let page = who.get("/v1/search?q=Charlie").await.json();
        page["data"].as_array().unwrap().len()
    };
    assert_eq!(found(&api.creator()).await, 1);
    assert_eq!(found(&api.stranger()).await, 0);
    let path = format!(
        "/v1/projects/handbook/members/{}",
        api.user(Identity::Stranger)
    );
    let joined = api
        .creator()
        .send(
            axum::http::Method::PUT,
            &path,
            Some(json!({"role": "viewer"})),
        )
        .await;
    assert!(joined.status < 300);
    assert_eq!(found(&api.stranger()).await, 1);
    api.creator().delete(&path).await;
    assert_eq!(found(&api.stranger()).await, 0);
}

/// Percent-encoded, all of it.
pub fn url_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
