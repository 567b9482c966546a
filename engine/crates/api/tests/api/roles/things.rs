//! What stands in the paths of the table: things of the creator's, made for each cell.

use axum::http::Method;
use inkstone_testkit::api_client::{Identity, TestApi};
use serde_json::json;

use super::who::join;

/// Writes the creator's things and puts their ids into the path.
pub(super) async fn fill(api: &TestApi, path: &str) -> String {
    let client = api.creator();
    let mut path = path.replace("{creator}", &api.user(Identity::Creator).to_string());
    if path.contains("{session}") {
        let sessions = client.get("/v1/me/sessions").await.json();
        let session = sessions["data"][0]["id"].as_str().unwrap();
        path = path.replace("{session}", session);
    }
    for (name, target, body) in [
        (
            "{api-key}",
            "/v1/me/api-keys",
            json!({"name": "ci", "scopes": ["articles:read"]}),
        ),
        (
            "{job}",
            "/v1/generate/generator-fake/article",
            json!({"input": {"topic": "a"}}),
        ),
        (
            "{batch}",
            "/v1/jobs/batches",
            json!({"jobs": [{
                "plugin": "generator-fake",
                "template": "article",
                "generate": {"input": {"topic": "a"}},
            }]}),
        ),
        (
            "{schedule}",
            "/v1/schedules",
            json!({
                "cron": "30 6 * * *",
                "plugin": "generator-fake",
                "template": "article",
                "input": {"topic": "a"},
            }),
        ),
        ("{draft}", "/v1/articles", json!({"title": "A"})),
        (
            "{published}",
            "/v1/articles",
            json!({"title": "A", "status": "published"}),
        ),
        ("{key}", "/v1/keys", json!({"name": "a"})),
        (
            "{search}",
            "/v1/searches",
            json!({"name": "Tides", "q": "tides"}),
        ),
    ] {
        if path.contains(name) {
            let made = client.post(target, body).await.json();
            path = path.replace(name, made["id"].as_str().unwrap());
        }
    }
    if path.contains("{cancelled-job}") {
        let body = json!({"input": {"topic": "a"}});
        let made = client
            .post("/v1/generate/generator-fake/article", body)
            .await
            .json();
        let id = made["id"].as_str().unwrap();
        client
            .send(Method::DELETE, &format!("/v1/jobs/{id}"), None)
            .await;
        path = path.replace("{cancelled-job}", id);
    }
    if path.contains("{notification}") {
        let told = crate::notifications::told(api, 1).await;
        path = path.replace("{notification}", &told[0].id.to_string());
    }
    if path.contains("{trashed}") {
        let made = client.post("/v1/articles", json!({"title": "A"})).await;
        let id = made.json()["id"].as_str().unwrap().to_owned();
        client.delete(&format!("/v1/articles/{id}")).await;
        path = path.replace("{trashed}", &id);
    }
    if path.contains("{project") {
        path = fill_project(api, &path).await;
    }
    if path.contains("{project-webhook}") {
        let new = json!({"url": "https://example.org/hook"});
        let target = "/v1/projects/handbook/webhooks";
        let made = client.post(target, new).await.json();
        let id = made["webhook"]["id"].as_str().unwrap();
        path = path.replace("{project-webhook}", id);
        if path.contains("{delivery}") {
            let ping = format!("/v1/webhooks/{id}/ping");
            let sent = client.post(&ping, json!({})).await.json();
            path = path.replace("{delivery}", sent["event"].as_str().unwrap());
        }
    }
    for (name, project) in [
        ("{medium}", "default"),
        ("{project-medium}", "handbook"),
        ("{project-medium-trashed}", "handbook"),
    ] {
        if path.contains(name) {
            let id = crate::media::add(&client, project, "tide.png").await;
            if name == "{project-medium-trashed}" {
                client.delete(&format!("/v1/media/{id}")).await;
            }
            path = path.replace(name, &id);
        }
    }
    if path.contains("{upload}") {
        let upload = crate::uploads::begin(&client, "handbook", 10).await;
        path = path.replace("{upload}", &upload);
    }
    for (name, status) in [
        ("{project-draft}", "draft"),
        ("{project-review}", "in_review"),
        ("{project-published}", "published"),
        ("{project-trashed}", "draft"),
        ("{project-commented}", "draft"),
    ] {
        if path.contains(name) {
            let new = json!({"title": "A", "body": "A.", "project": "handbook", "status": status});
            let made = client.post("/v1/articles", new).await.json();
            let id = made["id"].as_str().unwrap();
            if name == "{project-trashed}" {
                client.delete(&format!("/v1/articles/{id}")).await;
            }
            path = path.replace(name, id);
            if path.contains("{comment}") {
                let new = json!({"anchor": {"start": 0, "end": 1}, "replacement": "B"});
                let target = format!("/v1/articles/{id}/suggestions");
                let made = client.post(&target, new).await.json();
                path = path.replace("{comment}", made["id"].as_str().unwrap());
            }
        }
    }
    path
}

/// A project with a member, a prompt, a note and a chat.
pub(super) async fn fill_project(api: &TestApi, path: &str) -> String {
    let client = api.creator();
    let made = client
        .post("/v1/projects", json!({"slug": "handbook"}))
        .await;
    assert_eq!(made.status, 201);
    let mut path = path.replace("{project}", "handbook");
    if path.contains("{member}") {
        let member = api.user(Identity::Viewer);
        join(api, &member.to_string(), "viewer").await;
        path = path.replace("{member}", &member.to_string());
    }
    if path.contains("/tags/sea") {
        let article = json!({"title": "A", "project": "handbook", "tags": ["sea"]});
        let made = client.post("/v1/articles", article).await;
        assert_eq!(made.status, 201);
    }
    if path.contains("/prompts/style") {
        let prompt = json!({"name": "style", "messages": [{"role": "user", "text": "a"}]});
        let made = client.post("/v1/projects/handbook/prompts", prompt).await;
        assert_eq!(made.status, 201);
    }
    if path.contains("{note}") {
        let note = json!({"title": "Spring tides"});
        let made = client.post("/v1/projects/handbook/notes", note).await;
        path = path.replace("{note}", made.json()["id"].as_str().unwrap());
    }
    if path.contains("{export}") {
        let wish = json!({"format": "jsonl"});
        let begun = client.post("/v1/projects/handbook/exports", wish).await;
        path = path.replace("{export}", begun.json()["id"].as_str().unwrap());
    }
    if path.contains("{import}") {
        let into = "/v1/projects/handbook/imports?format=jsonl";
        let sent = client.post_raw(into, "application/jsonl", "").await;
        path = path.replace("{import}", sent.json()["id"].as_str().unwrap());
    }
    if path.contains("{chat}") {
        let said = client
            .post("/v1/projects/handbook/chat", json!({"message": "a"}))
            .await;
        assert_eq!(said.status, 200);
        path = path.replace("{chat}", said.header("x-inkstone-chat"));
    }
    path
}
