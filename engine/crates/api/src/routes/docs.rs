//! `/openapi.json`, and the reference page at `/docs`. Both work without a network.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::reply::{encode, json_bytes};
use crate::state::Shared;

/// Both routes over the finished document, which is written once.
pub(crate) fn routes(document: &Value) -> Router<Shared> {
    let body = encode(document).unwrap_or_else(|_| Bytes::from_static(b"{}"));
    let show_document = move || async move { json_bytes(StatusCode::OK, body) };
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::new()
        .route("/openapi.json", get(show_document))
        .merge(page)
}
