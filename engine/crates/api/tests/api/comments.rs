//! `/v1/articles/{id}/comments` and `…/suggestions`.

use axum::http::Method;
use inkstone_testkit::api_client::{ApiClient, Identity, TestApi};
use serde_json::{Value, json};

const BODY: &str = "Die Flut kommt. Größe zählt.";

/// An article of the creator's in a project, and its path.
async fn with_article() -> (TestApi, String) {
    let api = TestApi::start().await;
    let client = &api.creator();
    assert_eq!(
        client
            .post("/v1/projects", json!({"slug": "one"}))
            .await
            .status,
        201
    );
    let new = json!({"title": "A", "body": BODY, "project": "one"});
    let article = client.post("/v1/articles", new).await.json();
    let path = format!("/v1/articles/{}", article["id"].as_str().unwrap());
    (api, path)
}

async fn join(api: &TestApi, role: &str) {
    let path = format!("/v1/projects/one/members/{}", api.user(Identity::Stranger));
    let set = api
        .creator()
        .send(Method::PUT, &path, Some(json!({"role": role})))
        .await;
    assert!(set.status < 300, "{set:?}");
}

async fn write(client: &ApiClient, path: &str, body: Value) -> Value {
    let reply = client.post(path, body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("etag"), "\"1\"");
    let comment = reply.json();
    assert!(
        reply
            .header("location")
            .ends_with(comment["id"].as_str().unwrap())
    );
    comment
}

async fn rewrite(client: &ApiClient, path: &str, body: &str) {
    let changed = client
        .send(Method::PATCH, path, Some(json!({"body": body})))
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

#[tokio::test]
async fn a_thread_is_written_settled_and_taken_away() {
    let (api, path) = with_article().await;
    let (client, all) = (&api.creator(), format!("{path}/comments"));
    let ada = api.user(Identity::Stranger);
    let text = format!("Really, @{ada}?");
    let first = write(
        client,
        &all,
        json!({"body": text, "anchor": {"start": 16, "end": 21, "exact": "Größe"}}),
    )
    .await;
    assert_eq!(first["mentions"], json!([ada.to_string()]));
    assert_eq!(first["anchor"]["quote"]["exact"], "Größe");
    assert_eq!(first["anchor"]["now"], json!({"start": 16, "end": 21}));
    let own = format!("{all}/{}", first["id"].as_str().unwrap());
    let reply = write(client, &format!("{own}/replies"), json!({"body": "Yes."})).await;
    assert_eq!(reply["reply_to"], first["id"]);
    let below = format!("{all}/{}/replies", reply["id"].as_str().unwrap());
    let deeper = write(client, &below, json!({"body": "No."})).await;
    assert_eq!(deeper["reply_to"], first["id"], "a thread has one level");

    let settled = client
        .post(&format!("{own}/resolve"), json!({"resolved": true}))
        .await;
    assert_eq!(settled.json()["resolved"], true);
    let held = client.clone().with_header("if-match", "\"1\"");
    let stale = held
        .send(Method::PATCH, &own, Some(json!({"body": "x"})))
        .await;
    assert_eq!(stale.status, 412);
    let edited = client
        .send(Method::PATCH, &own, Some(json!({"body": "Surely?"})))
        .await
        .json();
    assert_eq!(
        (&edited["body"], &edited["mentions"], &edited["revision"]),
        (&json!("Surely?"), &json!([]), &json!(3))
    );

    let page = client.get(&format!("{all}?limit=2")).await.json();
    assert_eq!(page["data"][0]["id"], deeper["id"]);
    let next = page["next_cursor"].as_str().unwrap();
    let rest = client
        .get(&format!("{all}?limit=2&cursor={next}"))
        .await
        .json();
    assert_eq!(rest["data"], json!([edited]));
    assert_eq!(client.delete(&own).await.status, 204);
    assert_eq!(client.get(&all).await.json()["data"], json!([]));
}

#[tokio::test]
async fn comments_follow_their_words_and_lose_them() {
    let (api, path) = with_article().await;
    let (client, all) = (&api.creator(), format!("{path}/comments"));
    let comment = write(
        client,
        &all,
        json!({"body": "?", "anchor": {"start": 16, "end": 21}}),
    )
    .await;
    let own = format!("{all}/{}", comment["id"].as_str().unwrap());
    rewrite(client, &path, "Neu. Die Flut kommt. Größe zählt.").await;
    let anchor = client.get(&own).await.json()["anchor"].clone();
    assert_eq!(
        (&anchor["now"], &anchor["orphaned"]),
        (&json!({"start": 21, "end": 26}), &json!(false))
    );
    rewrite(client, &path, "Ganz anders.").await;
    let anchor = client.get(&own).await.json()["anchor"].clone();
    assert_eq!(
        (&anchor["now"], &anchor["orphaned"]),
        (&json!(null), &json!(true))
    );
    let old = json!({"body": "?", "anchor": {"revision": 1, "start": 0, "end": 3, "exact": "Die"}});
    assert_eq!(write(client, &all, old).await["anchor"]["orphaned"], true);
}

#[tokio::test]
async fn a_suggestion_is_merged_with_what_others_changed() {
    let (api, path) = with_article().await;
    join(&api, "reviewer").await;
    let (editor, reviewer) = (&api.creator(), &api.stranger());
    let target = format!("{path}/suggestions");
    let new = |replacement: &str| json!({"anchor": {"revision": 1, "start": 16, "end": 21}, "replacement": replacement});
    let suggestion = write(reviewer, &target, new("Länge")).await;
    let own = format!("{path}/comments/{}", suggestion["id"].as_str().unwrap());
    rewrite(editor, &path, "Die hohe Flut kommt. Größe zählt.").await;
    let refused = reviewer
        .send(Method::POST, &format!("{own}/accept"), None)
        .await;
    assert_eq!(refused.status, 403, "reviewers do not change texts");
    let accepted = editor
        .send(Method::POST, &format!("{own}/accept"), None)
        .await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let accepted = accepted.json();
    assert_eq!(accepted["article_revision"], 3);
    assert_eq!(accepted["comment"]["suggestion"]["state"], "accepted");
    let article = editor.get(&path).await.json();
    assert_eq!(article["body"], "Die hohe Flut kommt. Länge zählt.");
    let revisions = editor.get(&format!("{path}/revisions")).await.json();
    let said = format!("suggestion {}", suggestion["id"].as_str().unwrap());
    assert_eq!(revisions["data"][0]["comment"], said.as_str());
    for way in ["accept", "reject"] {
        let again = editor
            .send(Method::POST, &format!("{own}/{way}"), None)
            .await;
        assert_eq!(again.status, 409, "{way}");
    }

    let other = write(reviewer, &target, new("Breite")).await;
    let own = format!("{path}/comments/{}", other["id"].as_str().unwrap());
    let conflict = editor
        .send(Method::POST, &format!("{own}/accept"), None)
        .await;
    assert_eq!(conflict.status, 409, "the words are others now");
    let rejected = reviewer
        .send(Method::POST, &format!("{own}/reject"), None)
        .await;
    assert_eq!(rejected.json()["suggestion"]["state"], "rejected");
}

#[tokio::test]
async fn who_may_say_something() {
    for (role, sees, says) in [
        (None, 404, 404),
        (Some("viewer"), 200, 403),
        (Some("reviewer"), 200, 201),
        (Some("editor"), 200, 201),
    ] {
        let (api, path) = with_article().await;
        if let Some(role) = role {
            join(&api, role).await;
        }
        let all = format!("{path}/comments");
        let mine = write(&api.creator(), &all, json!({"body": "?"})).await;
        let mine = format!("{all}/{}", mine["id"].as_str().unwrap());
        let who = &api.stranger();
        assert_eq!(who.get(&all).await.status, sees, "{role:?}");
        assert_eq!(who.get(&mine).await.status, sees, "{role:?}");
        assert_eq!(
            who.post(&all, json!({"body": "?"})).await.status,
            says,
            "{role:?}"
        );
        let edit = who
            .send(Method::PATCH, &mine, Some(json!({"body": "x"})))
            .await;
        let wanted = if sees == 404 { 404 } else { 403 };
        assert_eq!(edit.status, wanted, "{role:?}");
    }
}

#[tokio::test]
async fn what_is_no_comment_is_refused() {
    let (api, path) = with_article().await;
    let client = &api.creator();
    let all = format!("{path}/comments");
    for bad in [
        json!({}),
        json!({"body": ""}),
        json!({"body": " "}),
        json!({"body": "x".repeat(10_001)}),
        json!({"body": "x", "author": "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P"}),
        json!({"body": "x", "resolved": true}),
        json!({"body": "x", "anchor": {"start": 5, "end": 5}}),
        json!({"body": "x", "anchor": {"start": 0, "end": 1000}}),
        json!({"body": "x", "anchor": {"start": 0, "end": u64::MAX}}),
        json!({"body": "x", "anchor": {"start": -1, "end": 2}}),
        json!({"body": "x", "anchor": {"start": 0, "end": 3, "exact": "Das"}}),
    ] {
        let refused = client.post(&all, bad.clone()).await;
        assert_eq!(refused.status, 400, "{bad}: {refused:?}");
    }
    let none = json!({"body": "x", "anchor": {"revision": 7, "start": 0, "end": 3}});
    assert_eq!(client.post(&all, none).await.status, 404);
    // A comment is reached through its own article alone.
    let comment = write(client, &all, json!({"body": "?"})).await;
    let other = client
        .post("/v1/articles", json!({"title": "B"}))
        .await
        .json();
    let crossed = format!(
        "/v1/articles/{}/comments/{}",
        other["id"].as_str().unwrap(),
        comment["id"].as_str().unwrap()
    );
    assert_eq!(client.get(&crossed).await.status, 404);
    assert_eq!(client.delete(&crossed).await.status, 404);
    assert_eq!(
        client
            .post(&format!("{crossed}/resolve"), json!({"resolved": true}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn admins_are_written_down_for_what_they_say() {
    let (api, path) = with_article().await;
    let comment = write(
        &api.admin(),
        &format!("{path}/comments"),
        json!({"body": "?"}),
    )
    .await;
    let subject = format!("comment:{}", comment["id"].as_str().unwrap());
    let log = api
        .admin()
        .get(&format!("/v1/audit?filter[subject]={subject}"))
        .await
        .json();
    assert_eq!(log["data"][0]["action"], "comment.written");
}
