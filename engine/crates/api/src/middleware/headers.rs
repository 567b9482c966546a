//! Headers that keep browsers from doing what an API never needs.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};

const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The API reference runs its own script and style from this very origin.
const OWN_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// Files of people: a browser that is made to show one runs nothing of it, and gives it no origin.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

/// Sets them; a handler's own `cache-control` stays.
pub(crate) fn set_security_headers(headers: &mut HeaderMap, path: &str) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let is_page = path == "/docs" || path.starts_with("/docs/");
    let policy = match is_page {
        true => OWN_PAGE,
        false if path.starts_with("/v1/media/") => SANDBOX,
        false => NOTHING,
    };
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    if !is_page && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
