//! Notes, and what research tools find for them. A table of its own, for that of `roles` is long.

use axum::http::Method;
use expect_test::expect;
use serde_json::json;

use super::routes::Line;
use super::table_of;

pub fn routes() -> Vec<Line> {
    vec![
        (Method::GET, "/v1/projects/{project}/notes", None),
        (
            Method::POST,
            "/v1/projects/{project}/notes",
            Some(json!({"title": "Spring tides"})),
        ),
        (Method::GET, "/v1/projects/{project}/notes/{note}", None),
        (
            Method::PATCH,
            "/v1/projects/{project}/notes/{note}",
            Some(json!({"title": "Neap tides"})),
        ),
        (Method::DELETE, "/v1/projects/{project}/notes/{note}", None),
        (
            Method::POST,
            "/v1/research/research-fake/echo?keep_in={project}",
            Some(json!({"about": "tides"})),
        ),
    ]
}

#[tokio::test]
async fn every_route_of_notes_by_every_identity() {
    let table = table_of(routes()).await;
    expect![[r#"
        GET /v1/projects/{project}/notes
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/projects/{project}/notes
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 201 member-owner 201
        GET /v1/projects/{project}/notes/{note}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PATCH /v1/projects/{project}/notes/{note}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        DELETE /v1/projects/{project}/notes/{note}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 204 member-owner 204
        POST /v1/research/research-fake/echo?keep_in={project}
            anonymous 401 missing_token viewer 403 forbidden stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
    "#]].assert_eq(&table);
}
