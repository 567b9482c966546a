//! The outermost layer, once around every route and fallback; and the net that everything falls into.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{FutureExt, StreamExt};
use inkstone_domain::{Error, codes};
use tracing::{Instrument, debug, info, info_span};

use super::failure::{Envelope, write_failure};
use super::headers::set_security_headers;
use super::request_id::{REQUEST_ID, X_REQUEST_ID};
use super::timing::set_overhead;
use super::{RequestId, Waited};
use crate::error::ApiError;
use crate::extract::{body_too_large, max_body_bytes};
use crate::serve::came_over_tls;
use crate::state::Shared;

/// Refuses bodies that are announced as too large, and makes replies of panics.
pub(crate) async fn net(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let max_body_bytes = max_body_bytes(&state, request.method(), request.uri().path());
    match announces_more_than(request.headers(), max_body_bytes) {
        true => {
            linger(request.into_body()).await;
            body_too_large(max_body_bytes).into_response()
        }
        false => run_without_panic(request, next).await,
    }
}

/// Gives the request an id and a span, runs it, and finishes whatever comes out of it.
pub(crate) async fn edge(
    State(state): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let request_id = RequestId::accept_or_make(request.headers());
    let hsts = state.config.hsts.filter(|_| came_over_tls(&request));
    let method = request.method().clone();
    let uri = request.uri().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(request_id.clone());
    let span = info_span!(
        "request",
        request_id = request_id.as_str(),
        http.method = method.as_str(),
        http.path = uri.path(),
    );
    let answered = async {
        let response = next.run(request).await;
        let envelope = Envelope::of(uri.path());
        let mut response = write_failure(response, envelope, &request_id);
        let elapsed = started.elapsed();
        let waited = response.extensions_mut().remove::<Waited>();
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, request_id.header());
        if envelope == Envelope::Anthropic {
            headers.insert(REQUEST_ID, request_id.header());
        }
        set_overhead(headers, elapsed, waited);
        set_security_headers(headers, uri.path(), hsts);
        let route = route.as_ref().map_or("none", MatchedPath::as_str);
        report(&method, route, response.status(), elapsed);
        response
    };
    answered.instrument(span).await
}

async fn run_without_panic(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let message = format!("a handler panicked: {}", panic_text(panic.as_ref()));
            ApiError(
                Error::new(
                    &codes::INTERNAL,
                    "something went wrong on our side; the logs have more under the request id",
                )
                .with_source(message),
            )
            .into_response()
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// Reads a refused body away for a while: a connection that is closed while the client still sends is
/// reset, and with it the answer that says why.
async fn linger(body: Body) {
    const LONGEST: Duration = Duration::from_secs(5);
    const MOST_BYTES: usize = 64 << 20;
    let mut left = MOST_BYTES;
    let mut pieces = body.into_data_stream();
    let read_away = async {
        while let Some(Ok(piece)) = pieces.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    // Late is the same as read.
    let _ = tokio::time::timeout(LONGEST, read_away).await;
}

/// Refused before it is parsed; a body of unknown length is counted while it is read.
fn announces_more_than(headers: &HeaderMap, max_body_bytes: usize) -> bool {
    headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok())
        .is_some_and(|length| length > max_body_bytes as u64)
}

fn report(method: &Method, route: &str, status: StatusCode, elapsed: Duration) {
    let labels = [
        ("method", known_method(method).to_owned()),
        ("route", route.to_owned()),
        ("status", status.as_str().to_owned()),
    ];
    metrics::counter!("inkstone_http_requests_total", &labels).increment(1);
    metrics::histogram!("inkstone_http_request_duration_seconds", &labels)
        .record(elapsed.as_secs_f64());
    let duration_ms = elapsed.as_secs_f64() * 1000.0;
    let status = status.as_u16();
    match route.starts_with("/v1/") {
        true => info!(
            http.route = route,
            http.status = status,
            duration_ms,
            "request answered"
        ),
        false => debug!(
            http.route = route,
            http.status = status,
            duration_ms,
            "request answered"
        ),
    }
}

/// Methods are free text: only known ones become labels.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
