//! `/v1/articles` and what hangs below it.

use axum::http::Method;
use inkstone_testkit::api_client::{ApiClient, Identity, TestApi};
use serde_json::{Value, json};

use crate::check;

async fn write(client: &ApiClient, body: Value) -> Value {
    let reply = client.post("/v1/articles", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

/// The project `one`, with the creator as its owner and the stranger as what `role` says.
async fn with_project(role: Option<&str>) -> TestApi {
    let api = TestApi::start().await;
    let client = api.creator();
    let made = client.post("/v1/projects", json!({"slug": "one"})).await;
    assert_eq!(made.status, 201);
    if let Some(role) = role {
        join(&api, role).await;
    }
    api
}

async fn join(api: &TestApi, role: &str) {
    let path = format!("/v1/projects/one/members/{}", api.user(Identity::Stranger));
    let body = Some(json!({"role": role}));
    let set = api.creator().send(Method::PUT, &path, body).await;
    assert!(set.status < 300, "{set:?}");
}

fn path_of(article: &Value) -> String {
    format!("/v1/articles/{}", article["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_article_is_written_and_read() {
    let api = TestApi::start().await;
    let body = json!({"title": "The tides", "body": "The moon pulls.", "tags": ["sea"], "status": "in_review"});
    let reply = api.creator().post("/v1/articles", body).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("etag"), "\"1\"");
    let article = reply.json();
    assert_eq!(reply.header("location"), path_of(&article));
    assert_eq!(article["title"], "The tides");
    assert_eq!(article["slug"], "the-tides");
    assert_eq!(article["status"], "in_review");
    assert_eq!(article["project"], "default");
    assert_eq!(article["language"], "en");
    assert_eq!(article["revision"], 1);
    assert_eq!(article["job"], json!(null));
    assert_eq!(article["owner"], api.user(Identity::Creator).to_string());
    let read = api.creator().get(&path_of(&article)).await;
    assert_eq!(read.status, 200);
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.header("cache-control"), "private, no-cache");
    assert_eq!(read.header("content-type"), "application/json");
    assert_eq!(read.json(), article);
}

#[tokio::test]
async fn whoever_holds_a_revision_gets_304() {
    let api = TestApi::start().await;
    let article = write(&api.creator(), json!({"title": "A"})).await;
    let held = api.creator().with_header("if-none-match", "W/\"1\", \"9\"");
    let reply = held.get(&path_of(&article)).await;
    assert_eq!(reply.status, 304);
    assert_eq!(reply.header("etag"), "\"1\"");
    assert!(reply.body.is_empty());
    let older = api.creator().with_header("if-none-match", "\"0\"");
    assert_eq!(older.get(&path_of(&article)).await.status, 200);
}

#[tokio::test]
async fn a_change_needs_the_revision_it_was_made_on() {
    let api = TestApi::start().await;
    let path = path_of(&write(&api.creator(), json!({"title": "A", "body": "one"})).await);
    let first = api.creator().with_header("if-match", "\"1\"");
    let reply = first.patch(&path, json!({"title": "B"})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("etag"), "\"2\"");
    let changed = reply.json();
    assert_eq!(changed["title"], "B");
    assert_eq!(changed["body"], "one", "what is left out stays");
    let late = first.patch(&path, json!({"title": "C"})).await;
    check::problem(&late, 412, "revision_mismatch");
    check::problem(&first.delete(&path).await, 412, "revision_mismatch");
    let weak = api.creator().with_header("if-match", "W/\"2\"");
    check::problem(&weak.delete(&path).await, 412, "revision_mismatch");
    let malformed = api.creator().with_header("if-match", "2");
    check::problem(&malformed.delete(&path).await, 400, "invalid_input");
    let any = api.creator().with_header("if-match", "*");
    assert_eq!(
        any.patch(&path, json!({"title": "D"})).await.json()["revision"],
        3
    );
    assert_eq!(
        api.creator()
            .patch(&path, json!({"title": "E"}))
            .await
            .json()["revision"],
        4
    );
}

#[tokio::test]
async fn an_article_goes_its_way_step_by_step() {
    let api = with_project(Some("editor")).await;
    let path = path_of(&write(&api.stranger(), json!({"title": "A", "project": "one"})).await);
    join(&api, "viewer").await;
    let steps = format!("{path}/transitions");
    let step = |to: &str| json!({"to": to});
    let handed_in = api
        .stranger()
        .with_header("if-match", "\"1\"")
        .post(&steps, json!({"to": "in_review", "comment": "Please"}))
        .await;
    assert_eq!(handed_in.status, 200, "{handed_in:?}");
    assert_eq!(handed_in.header("etag"), "\"2\"");
    assert_eq!(handed_in.json()["status"], "in_review");
    let refused = api.stranger().post(&steps, step("approved")).await;
    check::problem(&refused, 403, "forbidden");
    assert_eq!(api.admin().post(&steps, step("approved")).await.status, 200);
    let refused = api
        .admin()
        .patch(&path, json!({"status": "approved"}))
        .await;
    assert_eq!(refused.json()["revision"], 3, "nothing changed");
    let refused = api.admin().post(&steps, step("approved")).await;
    let problem = check::problem(&refused, 409, "status_not_allowed");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`scheduled`, `published`"), "{detail}");
    let scheduled = json!({"to": "scheduled", "at": "2999-01-01T00:00:00Z"});
    let reply = api.admin().post(&steps, scheduled).await.json();
    assert_eq!(reply["publish_at"], "2999-01-01T00:00:00Z");
    let past = json!({"to": "scheduled", "at": "1999-01-01T00:00:00Z"});
    let refused = api.admin().post(&steps, past).await;
    let problem = check::problem(&refused, 400, "invalid_input");
    assert_eq!(problem["errors"][0]["pointer"], "/at");
    let list = api.creator().get(&format!("{path}/revisions")).await.json();
    assert_eq!(list["data"][2]["comment"], "Please");
    let nobody = api.client(Identity::Viewer);
    let hidden = nobody.post(&steps, step("draft")).await;
    check::problem(&hidden, 404, "not_found");
    let log = "/v1/audit?filter[action]=article.changed";
    let log = api.admin().get(log).await.json();
    let details: Vec<&Value> = log["data"].as_array().unwrap().iter().collect();
    assert_eq!(details[0]["detail"], "approved → scheduled, as admin");
    let owner = api.user(Identity::Stranger).to_string();
    assert_eq!(details[0]["on_behalf_of"], owner);
    assert_eq!(details.len(), 2);
}

#[tokio::test]
async fn a_project_decides_who_writes_into_it() {
    let api = with_project(None).await;
    let body = json!({"title": "A", "project": "one"});
    for (role, status, code) in [
        ("", 404, "not_found"),
        ("viewer", 403, "forbidden"),
        ("reviewer", 403, "forbidden"),
    ] {
        if !role.is_empty() {
            join(&api, role).await;
        }
        let refused = api.stranger().post("/v1/articles", body.clone()).await;
        check::problem(&refused, status, code);
    }
    join(&api, "editor").await;
    write(&api.stranger(), body.clone()).await;
    let nowhere = json!({"title": "A", "project": "nowhere"});
    let refused = api.admin().post("/v1/articles", nowhere).await;
    check::problem(&refused, 404, "not_found");
    assert_eq!(api.creator().delete("/v1/projects/one").await.status, 204);
    let refused = api.creator().post("/v1/articles", body).await;
    check::problem(&refused, 409, "conflict");
}

#[tokio::test]
async fn a_deleted_article_is_gone() {
    let api = TestApi::start().await;
    let path = path_of(&write(&api.creator(), json!({"title": "A"})).await);
    let reply = api
        .creator()
        .with_header("if-match", "\"1\"")
        .delete(&path)
        .await;
    assert_eq!(reply.status, 204);
    assert!(reply.body.is_empty());
    check::problem(&api.creator().get(&path).await, 404, "not_found");
    check::problem(&api.creator().delete(&path).await, 404, "not_found");
}

#[tokio::test]
async fn the_trash_gives_back_or_forgets() {
    let api = TestApi::start().await;
    let client = api.creator();
    let path = path_of(&write(&client, json!({"title": "A"})).await);
    assert_eq!(client.delete(&path).await.status, 204);
    let trash = client.get("/v1/articles?trashed=true").await.json();
    assert_eq!(trash["data"][0]["title"], "A");
    assert!(trash["data"][0]["trashed_at"].is_string());
    let theirs = api.stranger().get("/v1/articles?trashed=true").await.json();
    assert_eq!(theirs["data"], json!([]));
    let back = client.post(&format!("{path}/restore"), json!({})).await;
    assert_eq!((back.status, back.header("etag")), (200, "\"3\""));
    assert_eq!(client.get(&path).await.json()["trashed_at"], json!(null));
    let gone = client.delete(&format!("{path}?permanent=true")).await;
    assert_eq!(gone.status, 204);
    let back = client.post(&format!("{path}/restore"), json!({})).await;
    check::problem(&back, 404, "not_found");
    let trash = client.get("/v1/articles?trashed=true").await.json();
    assert_eq!(trash["data"], json!([]));
}

#[tokio::test]
async fn lists_filter_and_leave_out_bodies() {
    let api = with_project(None).await;
    let client = api.creator();
    write(
        &client,
        json!({"title": "A", "tags": ["sea"], "project": "one"}),
    )
    .await;
    write(
        &client,
        json!({"title": "B", "tags": ["sea", "moon"], "status": "published"}),
    )
    .await;
    write(
        &api.stranger(),
        json!({"title": "C", "status": "published"}),
    )
    .await;
    write(&api.stranger(), json!({"title": "D"})).await;
    let titles = async |client: ApiClient, query: &str| {
        let list = client.get(&format!("/v1/articles{query}")).await.json();
        let data = list["data"].as_array().unwrap().clone();
        assert!(data.iter().all(|article| article.get("body").is_none()));
        let mut titles: Vec<String> = data
            .iter()
            .map(|article| article["title"].as_str().unwrap().to_owned())
            .collect();
        titles.sort();
        titles.concat()
    };
    assert_eq!(titles(client.clone(), "").await, "AB");
    assert_eq!(
        titles(client.clone(), "?filter[project]=default&filter[tag]=moon").await,
        "B"
    );
    assert_eq!(
        titles(client.clone(), "?filter%5Bproject%5D=one").await,
        "A"
    );
    assert_eq!(
        titles(client.clone(), "?filter[status]=published").await,
        "BC"
    );
    assert_eq!(titles(api.admin(), "").await, "ABCD");
    let owner = api.user(Identity::Stranger);
    assert_eq!(
        titles(api.admin(), &format!("?filter[owner]={owner}")).await,
        "CD"
    );
}

#[tokio::test]
async fn lists_come_in_pages() {
    let api = TestApi::start().await;
    for title in ["A", "B", "C"] {
        write(&api.creator(), json!({"title": title})).await;
    }
    let first = api.creator().get("/v1/articles?limit=2").await.json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = api
        .creator()
        .get(&format!("/v1/articles?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    assert_eq!(second["next_cursor"], json!(null));
}

#[tokio::test]
async fn revisions_are_kept() {
    let api = TestApi::start().await;
    let path = path_of(&write(&api.creator(), json!({"title": "A", "body": "one"})).await);
    api.creator().patch(&path, json!({"body": "two"})).await;
    let list = api.creator().get(&format!("{path}/revisions")).await.json();
    let bodies: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| revision["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["two", "one"]);
    assert_eq!(list["data"][0]["revision"], 2);
    assert_eq!(list["data"][0]["cause"], json!({"by": "person"}));
}

#[tokio::test]
async fn a_revision_is_read_compared_and_brought_back() {
    let api = TestApi::start().await;
    let client = api.creator();
    let path = path_of(&write(&client, json!({"title": "A", "body": "one two"})).await);
    client.patch(&path, json!({"body": "one three"})).await;
    let first = client.get(&format!("{path}/revisions/1")).await.json();
    assert_eq!(
        (&first["revision"], &first["body"]),
        (&json!(1), &json!("one two"))
    );
    let diff = client.get(&format!("{path}/revisions/2/diff")).await.json();
    assert_eq!((&diff["from"], &diff["to"]), (&json!(1), &json!(2)));
    let pieces = json!([{"field": "body", "pieces": [
        {"op": "equal", "text": "one "}, {"op": "delete", "text": "two"}, {"op": "insert", "text": "three"},
    ]}]);
    assert_eq!(diff["fields"], pieces);
    let none = client
        .get(&format!("{path}/revisions/2/diff?against=2"))
        .await;
    assert_eq!(none.json()["fields"], json!([]));
    let late = client.clone().with_header("if-match", "\"1\"");
    let refused = late
        .post(&format!("{path}/revisions/1/restore"), json!({}))
        .await;
    check::problem(&refused, 412, "revision_mismatch");
    let back = client
        .post(&format!("{path}/revisions/1/restore"), json!({}))
        .await;
    assert_eq!((back.status, back.header("etag")), (200, "\"3\""));
    assert_eq!(back.json()["body"], "one two");
    for missing in ["revisions/9", "revisions/x", "revisions/0/diff"] {
        let reply = client.get(&format!("{path}/{missing}")).await;
        check::problem(&reply, 404, "not_found");
    }
}

#[tokio::test]
async fn two_editors_keep_both_changes() {
    let api = TestApi::start().await;
    let body = "The moon pulls the sea.\n\nTwice a day.";
    let path = path_of(&write(&api.creator(), json!({"title": "A", "body": body})).await);
    let on_first = |client: ApiClient| client.with_header("if-match", "\"1\"");
    let theirs = json!({"body": body.replace("moon", "full moon")});
    assert_eq!(on_first(api.admin()).patch(&path, theirs).await.status, 200);
    let mine = json!({"body": body.replace("Twice", "Once")});
    let refused = on_first(api.creator()).patch(&path, mine.clone()).await;
    let problem = check::problem(&refused, 412, "revision_mismatch");
    assert_eq!(problem["current_revision"], 2);
    let merge = json!({"base": 1, "patch": mine});
    let merged = api
        .creator()
        .post(&format!("{path}/merge"), merge)
        .await
        .json();
    assert_eq!(merged["conflicts"], json!([]));
    let tag = format!("\"{}\"", merged["revision"]);
    let save = api.creator().with_header("if-match", &tag);
    let saved = save.patch(&path, merged["patch"].clone()).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    assert_eq!(
        saved.json()["body"],
        "The full moon pulls the sea.\n\nOnce a day."
    );
}

#[tokio::test]
async fn markdown_is_shown_as_html() {
    let api = TestApi::start().await;
    let body = "# Tides\n\nThe *moon* pulls. <script>alert(1)</script>";
    let path = path_of(&write(&api.creator(), json!({"title": "A", "body": body})).await);
    let page = api.creator().get(&format!("{path}/html")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    let html = page.text().to_owned();
    assert!(html.contains("<p>The <em>moon</em> pulls. </p>"), "{html}");
    let held = api
        .creator()
        .with_header("if-none-match", page.header("etag"));
    assert_eq!(held.get(&format!("{path}/html")).await.status, 304);
    check::problem(
        &api.stranger().get(&format!("{path}/html")).await,
        404,
        "not_found",
    );

    let all = api
        .creator()
        .get(&format!("{path}?include=html,toc,stats"))
        .await
        .json();
    assert_eq!(all["html"], json!(html));
    assert_eq!(
        all["toc"],
        json!([{"level": 1, "text": "Tides", "anchor": "s-tides"}])
    );
    assert_eq!(all["stats"]["reading_minutes"], 1);
    let plain = api.creator().get(&path).await.json();
    assert!(plain.get("html").is_none() && plain.get("toc").is_none());
    let wrong = api.creator().get(&format!("{path}?include=pdf")).await;
    let problem = check::problem(&wrong, 400, "invalid_input");
    assert_eq!(problem["errors"][0]["pointer"], "?include");
}

#[tokio::test]
async fn slugs_are_addresses_that_last() {
    let api = TestApi::start().await;
    let client = api.creator();
    let article = write(
        &client,
        json!({"title": "The tides", "status": "published"}),
    )
    .await;
    let twin = write(&client, json!({"title": "The tides"})).await;
    assert_eq!(twin["slug"], "the-tides-2");
    let taken = json!({"title": "B", "slug": "the-tides"});
    check::problem(&client.post("/v1/articles", taken).await, 409, "slug_taken");
    let old = "/v1/articles/by-slug/default/en/the-tides";
    let read = api.viewer().get(old).await;
    assert_eq!((read.status, read.json()), (200, article.clone()));
    let held = api.viewer().with_header("if-none-match", "\"1\"");
    assert_eq!(held.get(old).await.status, 304);
    let renamed = json!({"slug": "ebb-and-flow"});
    assert_eq!(client.patch(&path_of(&article), renamed).await.status, 200);
    let moved = api.viewer().get(old).await;
    assert_eq!(moved.status, 308);
    assert_eq!(
        moved.header("location"),
        "/v1/articles/by-slug/default/en/ebb-and-flow"
    );
    let secret = "/v1/articles/by-slug/default/en/the-tides-2";
    check::problem(&api.viewer().get(secret).await, 404, "not_found");
    assert_eq!(client.get(secret).await.status, 200);
}

#[tokio::test]
async fn what_a_person_wrote_has_no_provenance() {
    let api = TestApi::start().await;
    let path = path_of(&write(&api.creator(), json!({"title": "A"})).await);
    check::problem(
        &api.creator().get(&format!("{path}/provenance")).await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn others_read_what_is_published() {
    let api = TestApi::start().await;
    let draft = path_of(&write(&api.creator(), json!({"title": "A"})).await);
    let published =
        path_of(&write(&api.creator(), json!({"title": "B", "status": "published"})).await);
    check::problem(&api.stranger().get(&draft).await, 404, "not_found");
    assert_eq!(api.viewer().get(&published).await.status, 200);
    let change = json!({"title": "mine"});
    check::problem(
        &api.stranger().patch(&published, change.clone()).await,
        403,
        "forbidden",
    );
    check::problem(&api.stranger().delete(&published).await, 403, "forbidden");
    check::problem(
        &api.stranger().patch(&draft, change).await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn wrong_articles_are_refused_with_pointers() {
    let api = TestApi::start().await;
    let reply = api
        .creator()
        .post("/v1/articles", json!({"title": " ", "project": "Not OK"}))
        .await;
    let problem = check::problem(&reply, 400, "invalid_input");
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert!(
        pointers.contains(&"/title") && pointers.contains(&"/project"),
        "{problem}"
    );
    let reply = api.creator().get("/v1/articles/nonsense").await;
    check::problem(&reply, 404, "not_found");
}
