//! The lines of the table about files: media, uploads, imports and exports.

use axum::http::Method;
use serde_json::{Value, json};

/// As in `routes`.
pub fn routes() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::GET, "/v1/projects/{project}/media", None),
        // No form, which is said to those who may add files.
        (Method::POST, "/v1/projects/{project}/media", None),
        (Method::GET, "/v1/media/{medium}", None),
        (Method::GET, "/v1/media/{project-medium}", None),
        (
            Method::PATCH,
            "/v1/media/{medium}",
            Some(json!({"alt": "b"})),
        ),
        (
            Method::PATCH,
            "/v1/media/{project-medium}",
            Some(json!({"alt": "b"})),
        ),
        (Method::DELETE, "/v1/media/{medium}", None),
        (Method::DELETE, "/v1/media/{project-medium}", None),
        (
            Method::DELETE,
            "/v1/media/{project-medium}?permanent=true",
            None,
        ),
        (
            Method::POST,
            "/v1/media/{project-medium-trashed}/restore",
            None,
        ),
        (Method::GET, "/v1/media/{project-medium}/versions", None),
        (Method::GET, "/v1/media/{medium}/content", None),
        (Method::GET, "/v1/media/{project-medium}/content", None),
        // Nothing, which is said to those who may change it.
        (Method::PUT, "/v1/media/{project-medium}/content", None),
        (
            Method::POST,
            "/v1/media/{project-medium}/link",
            Some(json!({"expires_in_s": 60})),
        ),
        // Without a length, which is said to everybody who signed in.
        (Method::POST, "/v1/projects/{project}/uploads", None),
        (Method::GET, "/v1/projects/{project}/uploads/{upload}", None),
        // No piece, as well.
        (
            Method::PATCH,
            "/v1/projects/{project}/uploads/{upload}",
            None,
        ),
        (
            Method::DELETE,
            "/v1/projects/{project}/uploads/{upload}",
            None,
        ),
        (
            Method::POST,
            "/v1/projects/{project}/imports?format=jsonl",
            None,
        ),
        (Method::GET, "/v1/projects/{project}/imports", None),
        (Method::GET, "/v1/projects/{project}/imports/{import}", None),
        (
            Method::GET,
            "/v1/projects/{project}/imports/{import}/report",
            None,
        ),
        (
            Method::DELETE,
            "/v1/projects/{project}/imports/{import}",
            None,
        ),
        (
            Method::POST,
            "/v1/projects/{project}/exports",
            Some(json!({"format": "jsonl"})),
        ),
        (
            Method::POST,
            "/v1/projects/{project}/exports",
            Some(json!({"format": "archive"})),
        ),
        (Method::GET, "/v1/projects/{project}/exports/{export}", None),
        // Nothing is written: no worker runs here.
        (
            Method::GET,
            "/v1/projects/{project}/exports/{export}/content",
            None,
        ),
        (
            Method::GET,
            "/v1/projects/{project}/export?format=archive",
            None,
        ),
        (
            Method::GET,
            "/v1/projects/{project}/export?format=jsonl",
            None,
        ),
    ]
}
