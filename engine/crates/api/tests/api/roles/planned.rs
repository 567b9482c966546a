//! What is planned: schedules. A table of its own, for that of `roles` is long.

use axum::http::Method;
use expect_test::expect;
use serde_json::json;

use super::routes::Line;
use super::table_of;

pub fn routes() -> Vec<Line> {
    vec![
        (Method::GET, "/v1/schedules", None),
        (
            Method::POST,
            "/v1/schedules",
            Some(json!({
                "cron": "30 6 * * *",
                "plugin": "generator-fake",
                "template": "article",
                "input": {"topic": "a"},
            })),
        ),
        (
            Method::POST,
            "/v1/schedules",
            Some(json!({
                "cron": "30 6 * * *",
                "plugin": "generator-fake",
                "template": "article",
                "input": {"topic": "a"},
                "project": "handbook",
            })),
        ),
        (Method::GET, "/v1/schedules/{schedule}", None),
        (
            Method::PATCH,
            "/v1/schedules/{schedule}",
            Some(json!({"name": "Tides"})),
        ),
        (Method::DELETE, "/v1/schedules/{schedule}", None),
        (Method::POST, "/v1/schedules/{schedule}/run", None),
        (
            Method::GET,
            "/v1/calendar?from=2026-03-01&to=2026-03-31",
            None,
        ),
        (
            Method::GET,
            "/v1/calendar?project={project}&from=2026-03-01&to=2026-03-31",
            None,
        ),
        (
            Method::POST,
            "/v1/calendar",
            Some(json!({
                "plugin": "generator-fake",
                "template": "article",
                "topics": ["a"],
                "from": "2099-03-01",
                "to": "2099-03-31",
            })),
        ),
        (
            Method::POST,
            "/v1/calendar",
            Some(json!({
                "plugin": "generator-fake",
                "template": "article",
                "topics": ["a"],
                "from": "2099-03-01",
                "to": "2099-03-31",
                "project": "handbook",
            })),
        ),
        (Method::GET, "/v1/schedules/{schedule}/runs", None),
    ]
}

#[tokio::test]
async fn every_planned_thing_by_every_identity() {
    let table = table_of(routes()).await;
    expect![[r#"
        GET /v1/schedules
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/schedules
            anonymous 401 missing_token viewer 403 forbidden stranger 201 creator 201 admin 201
        POST /v1/schedules into `handbook`
            anonymous 401 missing_token viewer 403 forbidden stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 201 member-owner 201
        GET /v1/schedules/{schedule}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        PATCH /v1/schedules/{schedule}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        DELETE /v1/schedules/{schedule}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204
        POST /v1/schedules/{schedule}/run
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 202 admin 202
        GET /v1/calendar?from=2026-03-01&to=2026-03-31
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/calendar?project={project}&from=2026-03-01&to=2026-03-31
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/calendar
            anonymous 401 missing_token viewer 403 forbidden stranger 202 creator 202 admin 202
        POST /v1/calendar into `handbook`
            anonymous 401 missing_token viewer 403 forbidden stranger 404 not_found creator 202 admin 202 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 202 member-owner 202
        GET /v1/schedules/{schedule}/runs
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
    "#]].assert_eq(&table);
}
