//! How a handler answers: JSON written once into bytes, entity tags, and work that is moved off the
//! reactor when it is large.

use axum::BoxError;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use inkstone_domain::codes;
use inkstone_domain::digest::sha256;
use inkstone_domain::usage::CacheUse;
use inkstone_domain::{Error, Result};
use inkstone_services::chat::Facts;
use inkstone_services::gateway::cache_word;
use serde::Serialize;

use crate::error::ApiResult;
use crate::extract::X_INKSTONE_CACHE;
use crate::middleware::rates::set_rates;

/// A reply of this status whose body is `value` as JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> ApiResult {
    Ok(json_bytes(status, encode(value)?))
}

/// A reply of 200 whose body is `value` as JSON.
pub(crate) fn ok<T: Serialize>(value: &T) -> ApiResult {
    json(StatusCode::OK, value)
}

/// The pieces as they come. What compresses them asks once more after the end, which many streams forbid.
pub(crate) fn streamed<S, P, E>(pieces: S) -> Body
where
    S: Stream<Item = std::result::Result<P, E>> + Send + 'static,
    P: Into<Bytes>,
    E: Into<BoxError>,
{
    Body::from_stream(pieces.fuse())
}

/// A reply whose body is JSON already.
pub(crate) fn json_bytes(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A reply of 200 with sanitised HTML.
pub(crate) fn html(body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A reply of 204.
pub(crate) fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A reply of 202 that says no more.
pub(crate) fn accepted() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// A reply of 304.
pub(crate) fn not_modified() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// A path as the value of `location`; `path` is ASCII.
pub(crate) fn location(path: String) -> HeaderValue {
    HeaderValue::try_from(path).unwrap_or_else(|_| HeaderValue::from_static("/"))
}

/// A reply of 308: what was asked for is there now, for this method too.
pub(crate) fn moved(location: HeaderValue) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// The entity tag of a revision, `"7"`.
pub(crate) fn revision_tag(revision: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{revision}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// The entity tag of a revision with what else is sent, where that changes by itself.
pub(crate) fn revision_tag_with(revision: u64, more: impl AsRef<[u8]>) -> HeaderValue {
    let digest = sha256(more.as_ref());
    let digest = digest.get(..16).unwrap_or_default();
    HeaderValue::try_from(format!("\"{revision}-{digest}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// Adds the entity tag, and lets clients keep the reply as long as they ask again.
pub(crate) fn tagged(mut response: Response, tag: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

pub(crate) const X_INKSTONE_PLUGIN: HeaderName = HeaderName::from_static("x-inkstone-plugin");

/// Tells which version of which plugin answered.
pub(crate) fn answered_by(mut response: Response, plugin: &str, version: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(format!("{plugin}@{version}")) {
        response.headers_mut().insert(X_INKSTONE_PLUGIN, value);
    }
    response
}

const X_INKSTONE_ATTEMPTS: HeaderName = HeaderName::from_static("x-inkstone-attempts");
/// What was said in which chat.
pub(crate) const X_INKSTONE_CHAT: HeaderName = HeaderName::from_static("x-inkstone-chat");
pub(crate) const X_INKSTONE_MESSAGE: HeaderName = HeaderName::from_static("x-inkstone-message");
/// Says that a reply was kept, as Stripe's API has it.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Tells how an answer was had: attempts, rates, and whether it was there already.
pub(crate) fn had_by(mut response: Response, facts: &Facts) -> Response {
    let headers = response.headers_mut();
    // With those that every reply gets: to grow in steps costs more than all of them.
    headers.reserve(32);
    headers.insert(X_INKSTONE_ATTEMPTS, HeaderValue::from(facts.attempts));
    if facts.cache != CacheUse::None {
        let word = HeaderValue::from_static(cache_word(facts.cache));
        headers.insert(X_INKSTONE_CACHE, word);
    }
    if facts.is_replay {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    set_rates(headers, &facts.rate);
    response
}

/// Writes JSON in one go.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| {
        Error::new(&codes::INTERNAL, "the reply could not be written as JSON").with_source(error)
    })
}

/// Inputs and outputs beyond this many bytes are converted on a blocking thread.
pub(crate) const LARGE_BYTES: usize = 256 * 1024;

/// Runs pure work here if it is small, else on a blocking thread.
pub(crate) async fn off_thread_if<T: Send + 'static>(
    large: bool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if !large {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(&codes::INTERNAL, "converting a body ended early").with_source(error))
        }
    }
}
