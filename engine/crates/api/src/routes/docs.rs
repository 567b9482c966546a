//! `/openapi.json`, and the reference page at `/docs`. Both work without a network.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use bytes::Bytes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::openapi;
use crate::reply::{encode, json_bytes};
use crate::state::Shared;

/// Both routes. The document is written when somebody asks for it first.
pub(crate) fn routes() -> Router<Shared> {
    let written: Arc<OnceLock<Bytes>> = Arc::default();
    let show_document = move |State(state): State<Shared>| async move {
        let body = written.get_or_init(|| {
            let document = openapi::finish(&state.config);
            encode(&document).unwrap_or_else(|_| Bytes::from_static(b"{}"))
        });
        json_bytes(StatusCode::OK, body.clone())
    };
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::new()
        .route("/openapi.json", get(show_document))
        .merge(page)
}
