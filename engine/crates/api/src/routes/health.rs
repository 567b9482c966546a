//! `/livez`, `/readyz` and `/metrics`: for those who run the engine. No token is needed.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::ApiResult;
use crate::reply::{json, ok};
use crate::state::Shared;
use crate::wire::health::{AliveReply, ReadyReply};

/// Does the process answer?
#[utoipa::path(
    get, path = "/livez", tag = "operation",
    responses((status = 200, description = "It does.", body = AliveReply)),
)]
pub(crate) async fn show_alive(State(state): State<Shared>) -> ApiResult {
    ok(&AliveReply {
        status: "alive",
        version: state.config.version.clone(),
    })
}

/// Can the engine serve?
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "It can.", body = ReadyReply),
        (status = 503, description = "It cannot; the checks say why.", body = ReadyReply),
    ),
)]
pub(crate) async fn show_ready(State(state): State<Shared>) -> ApiResult {
    let readiness = state.services.health.readiness().await;
    let status = match readiness.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    json(status, &ReadyReply::from(readiness))
}

/// Metrics for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "All metrics.", body = String, content_type = "text/plain")),
)]
pub(crate) async fn show_metrics(State(state): State<Shared>) -> Response {
    let text = (state.metrics)();
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, media_type)], text).into_response()
}
