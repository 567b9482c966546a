//! Who may do what: every route by every identity, as one table of status and code.

use axum::http::Method;
use expect_test::expect;
use inkstone_testkit::api_client::{Identity, TestApi, TestReply};
use serde_json::{Value, json};

const IDENTITIES: [Identity; 5] = [
    Identity::Anonymous,
    Identity::Viewer,
    Identity::Stranger,
    Identity::Creator,
    Identity::Admin,
];

/// The routes, with things of the creator's in their paths. Each cell has an engine of its own.
fn routes() -> Vec<(Method, &'static str, Option<Value>)> {
    let message = json!({"messages": [{"role": "user", "content": "hi"}]});
    vec![
        (Method::GET, "/livez", None),
        (Method::GET, "/readyz", None),
        (Method::GET, "/metrics", None),
        (Method::GET, "/openapi.json", None),
        (Method::GET, "/docs/", None),
        (Method::GET, "/v1/me", None),
        (Method::GET, "/v1/plugins", None),
        (Method::GET, "/v1/plugins/provider-fake", None),
        (
            Method::POST,
            "/v1/plugins",
            Some(json!({"oci": "r.org/a:1"})),
        ),
        (Method::POST, "/v1/plugins/reload", None),
        (
            Method::PUT,
            "/v1/plugins/provider-fake/enabled",
            Some(json!({"enabled": false})),
        ),
        (Method::DELETE, "/v1/plugins/provider-fake", None),
        (Method::GET, "/v1/plugins/provider-fake/stats", None),
        (
            Method::POST,
            "/v1/plugins/provider-fake/connection",
            Some(json!({})),
        ),
        (Method::GET, "/v1/plugins/provider-fake/rollout", None),
        (
            Method::POST,
            "/v1/plugins/provider-fake/rollout/promote",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/plugins/provider-fake/rollout/rollback",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/plugins/provider-fake/rollout/restart",
            Some(json!({})),
        ),
        (Method::GET, "/v1/plugins/provider-fake/history", None),
        (
            Method::POST,
            "/v1/ratings",
            Some(json!({"request_id": "a", "rating": 5})),
        ),
        (Method::POST, "/v1/chat/completions", Some(message)),
        (Method::POST, "/v1/responses", Some(json!({"input": "hi"}))),
        (
            Method::POST,
            "/v1/messages",
            Some(json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})),
        ),
        (
            Method::POST,
            "/v1/rerank",
            Some(json!({"model": "fake/rerank", "query": "a", "documents": ["a"]})),
        ),
        (
            Method::POST,
            "/v1/embeddings",
            Some(json!({"model": "fake/embed", "input": "a"})),
        ),
        (Method::GET, "/v1/keys", None),
        (Method::POST, "/v1/keys", Some(json!({"name": "ci"}))),
        (Method::GET, "/v1/usage", None),
        (Method::GET, "/v1/usage/attempts", None),
        (Method::GET, "/v1/limits/project:handbook", None),
        (
            Method::PUT,
            "/v1/limits/project:handbook",
            Some(json!({"rpm_limit": 60})),
        ),
        (Method::DELETE, "/v1/limits/project:handbook", None),
        (Method::GET, "/v1/models", None),
        (Method::GET, "/v1/models/fake/chat", None),
        (Method::GET, "/v1/templates", None),
        (
            Method::POST,
            "/v1/generate/generator-fake/article",
            Some(json!({"input": {"topic": "a"}})),
        ),
        (Method::GET, "/v1/jobs", None),
        (Method::GET, "/v1/jobs/{job}", None),
        (Method::DELETE, "/v1/jobs/{job}", None),
        (Method::GET, "/v1/tools", None),
        (
            Method::POST,
            "/v1/research/research-fake/echo",
            Some(json!({})),
        ),
        (Method::GET, "/v1/reports", None),
        (
            Method::POST,
            "/v1/analytics/analytics-fake/count",
            Some(json!({})),
        ),
        (Method::GET, "/v1/articles", None),
        (Method::POST, "/v1/articles", Some(json!({"title": "A"}))),
        (Method::GET, "/v1/articles/{draft}", None),
        (Method::GET, "/v1/articles/{published}", None),
        (
            Method::PATCH,
            "/v1/articles/{draft}",
            Some(json!({"title": "B"})),
        ),
        (
            Method::PATCH,
            "/v1/articles/{published}",
            Some(json!({"title": "B"})),
        ),
        (Method::DELETE, "/v1/articles/{published}", None),
        (
            Method::DELETE,
            "/v1/articles/{published}?permanent=true",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{trashed}/restore",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/articles/{draft}/transitions",
            Some(json!({"to": "in_review"})),
        ),
        (
            Method::POST,
            "/v1/articles/{published}/transitions",
            Some(json!({"to": "archived"})),
        ),
        (Method::GET, "/v1/articles/{draft}/revisions", None),
        (Method::GET, "/v1/articles/{published}/revisions", None),
        (Method::GET, "/v1/articles/{draft}/html", None),
        (Method::GET, "/v1/articles/{published}/html", None),
        (Method::GET, "/v1/articles/by-slug/default/en/a", None),
        (Method::GET, "/v1/articles/{draft}/revisions/1", None),
        (Method::GET, "/v1/articles/{published}/revisions/1", None),
        (Method::GET, "/v1/articles/{draft}/revisions/1/diff", None),
        (
            Method::GET,
            "/v1/articles/{published}/revisions/1/diff",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{draft}/revisions/1/restore",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/articles/{published}/revisions/1/restore",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/articles/{draft}/merge",
            Some(json!({"base": 1, "patch": {"title": "B"}})),
        ),
        (
            Method::POST,
            "/v1/articles/{published}/merge",
            Some(json!({"base": 1, "patch": {"title": "B"}})),
        ),
        (Method::GET, "/v1/articles/{published}/provenance", None),
        (Method::GET, "/v1/articles/{draft}/translations", None),
        (Method::GET, "/v1/articles/{published}/translations", None),
        (Method::GET, "/v1/content-types", None),
        (
            Method::POST,
            "/v1/content-types",
            Some(json!({"name": "recipe", "title": "R", "schema": {}})),
        ),
        (Method::GET, "/v1/content-types/recipe", None),
        (
            Method::PUT,
            "/v1/content-types/recipe",
            Some(json!({"title": "R", "schema": {}})),
        ),
        (Method::GET, "/v1/search?q=a", None),
    ]
}

#[tokio::test]
async fn every_route_by_every_identity() {
    let mut table = String::new();
    for (method, path, body) in routes() {
        table.push_str(&format!("{method} {path}\n   "));
        for identity in IDENTITIES {
            let api = TestApi::start().await;
            let path = fill(&api, path).await;
            let client = api.client(identity);
            let reply = client.send(method.clone(), &path, body.clone()).await;
            let name = format!("{identity:?}").to_lowercase();
            table.push_str(&format!(" {name} {}{}", reply.status, code_of(&reply)));
        }
        table.push('\n');
    }
    expect![[r#"
        GET /livez
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /readyz
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /metrics
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /openapi.json
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /docs/
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /v1/me
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/plugins
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/plugins/provider-fake
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/plugins
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 502 upstream_error
        POST /v1/plugins/reload
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        PUT /v1/plugins/provider-fake/enabled
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        DELETE /v1/plugins/provider-fake
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 204
        GET /v1/plugins/provider-fake/stats
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/plugins/provider-fake/connection
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        GET /v1/plugins/provider-fake/rollout
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/plugins/provider-fake/rollout/promote
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/plugins/provider-fake/rollout/rollback
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/plugins/provider-fake/rollout/restart
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        GET /v1/plugins/provider-fake/history
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/ratings
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        POST /v1/chat/completions
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/responses
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/messages
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/rerank
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/embeddings
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        GET /v1/keys
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/keys
            anonymous 401 missing_token viewer 403 forbidden stranger 201 creator 201 admin 201
        GET /v1/usage
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/usage/attempts
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/limits/project:handbook
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        PUT /v1/limits/project:handbook
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        DELETE /v1/limits/project:handbook
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 204
        GET /v1/models
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/models/fake/chat
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/templates
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/generate/generator-fake/article
            anonymous 401 missing_token viewer 403 forbidden stranger 202 creator 202 admin 202
        GET /v1/jobs
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/jobs/{job}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        DELETE /v1/jobs/{job}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/tools
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/research/research-fake/echo
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        GET /v1/reports
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/analytics/analytics-fake/count
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/articles
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/articles
            anonymous 401 missing_token viewer 403 forbidden stranger 201 creator 201 admin 201
        GET /v1/articles/{draft}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        PATCH /v1/articles/{draft}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        PATCH /v1/articles/{published}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        DELETE /v1/articles/{published}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 204 admin 204
        DELETE /v1/articles/{published}?permanent=true
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 204 admin 204
        POST /v1/articles/{trashed}/restore
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{draft}/transitions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{published}/transitions
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{draft}/revisions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/revisions
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{draft}/html
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/html
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/articles/by-slug/default/en/a
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        GET /v1/articles/{draft}/revisions/1
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/revisions/1
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{draft}/revisions/1/diff
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/revisions/1/diff
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        POST /v1/articles/{draft}/revisions/1/restore
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{published}/revisions/1/restore
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        POST /v1/articles/{draft}/merge
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{published}/merge
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{published}/provenance
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 404 not_found admin 404 not_found
        GET /v1/articles/{draft}/translations
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/translations
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/content-types
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/content-types
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 201
        GET /v1/content-types/recipe
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        PUT /v1/content-types/recipe
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        GET /v1/search?q=a
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
    "#]].assert_eq(&table);
}

/// Writes the creator's things and puts their ids into the path.
async fn fill(api: &TestApi, path: &str) -> String {
    let client = api.creator();
    let mut path = path.to_owned();
    for (name, target, body) in [
        (
            "{job}",
            "/v1/generate/generator-fake/article",
            json!({"input": {"topic": "a"}}),
        ),
        ("{draft}", "/v1/articles", json!({"title": "A"})),
        (
            "{published}",
            "/v1/articles",
            json!({"title": "A", "status": "published"}),
        ),
    ] {
        if path.contains(name) {
            let made = client.post(target, body).await.json();
            path = path.replace(name, made["id"].as_str().unwrap());
        }
    }
    if path.contains("{trashed}") {
        let made = client.post("/v1/articles", json!({"title": "A"})).await;
        let id = made.json()["id"].as_str().unwrap().to_owned();
        client.delete(&format!("/v1/articles/{id}")).await;
        path = path.replace("{trashed}", &id);
    }
    path
}

fn code_of(reply: &TestReply) -> String {
    if reply.status < 400 {
        return String::new();
    }
    let body = reply.json();
    let code = body.get("code").unwrap_or(&body["error"]["code"]);
    format!(" {}", code.as_str().unwrap_or("?"))
}
