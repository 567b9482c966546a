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
    expect![[""]].assert_eq(&table);
}
