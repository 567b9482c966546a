//! The lines of what happened and of who is told of it: events, webhooks, notifications, the audit log.

use axum::http::Method;
use serde_json::{Value, json};

pub fn routes() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::GET, "/v1/events?follow=false", None),
        (Method::GET, "/v1/events/ws", None),
        (Method::GET, "/v1/events/handlers", None),
        (
            Method::POST,
            "/v1/events/handlers/webhooks/replay",
            Some(json!({"since": "2026-01-01T00:00:00Z"})),
        ),
        (Method::GET, "/v1/webhooks", None),
        (
            Method::POST,
            "/v1/webhooks",
            Some(json!({"url": "https://example.org/hook"})),
        ),
        (Method::GET, "/v1/projects/{project}/webhooks", None),
        (
            Method::POST,
            "/v1/projects/{project}/webhooks",
            Some(json!({"url": "https://example.org/hook"})),
        ),
        (Method::GET, "/v1/webhooks/{project-webhook}", None),
        (
            Method::PATCH,
            "/v1/webhooks/{project-webhook}",
            Some(json!({"description": "x"})),
        ),
        (Method::DELETE, "/v1/webhooks/{project-webhook}", None),
        (
            Method::POST,
            "/v1/webhooks/{project-webhook}/secrets",
            Some(json!({})),
        ),
        (Method::POST, "/v1/webhooks/{project-webhook}/ping", None),
        (
            Method::GET,
            "/v1/webhooks/{project-webhook}/deliveries",
            None,
        ),
        (
            Method::POST,
            "/v1/webhooks/{project-webhook}/deliveries/{delivery}/redeliver",
            None,
        ),
        (Method::GET, "/v1/searches", None),
        (
            Method::POST,
            "/v1/searches",
            Some(json!({"name": "Tides", "q": "tides", "alert": true})),
        ),
        (Method::GET, "/v1/searches/{search}", None),
        (Method::DELETE, "/v1/searches/{search}", None),
        (Method::GET, "/v1/notifications", None),
        (Method::GET, "/v1/notifications/unread", None),
        (Method::POST, "/v1/notifications/read", Some(json!({}))),
        (Method::GET, "/v1/notifications/settings", None),
        (
            Method::PUT,
            "/v1/notifications/settings",
            Some(json!({"muted_types": ["job.succeeded"]})),
        ),
        (Method::GET, "/v1/notifications/{notification}", None),
        (
            Method::PATCH,
            "/v1/notifications/{notification}",
            Some(json!({"read": true})),
        ),
        (Method::GET, "/v1/audit", None),
        (Method::GET, "/v1/audit/head", None),
        (Method::GET, "/v1/audit/export", None),
    ]
}
