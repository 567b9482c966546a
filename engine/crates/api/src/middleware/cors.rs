//! Which pages of other sites may call the API: none, but those of origins that the configuration names.

use std::time::Duration;

use axum::http::header::{
    ACCEPT, ACCEPT_RANGES, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_MATCH, IF_NONE_MATCH, IF_RANGE, LINK, LOCATION, RANGE, RETRY_AFTER,
};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::state::CorsConfig;

/// How long browsers need not ask again.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What pages may send: all that routes take, and what goes with every request.
const SENT: [HeaderName; 17] = [
    ACCEPT,
    AUTHORIZATION,
    CONTENT_TYPE,
    IF_MATCH,
    IF_NONE_MATCH,
    IF_RANGE,
    RANGE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("tus-resumable"),
    HeaderName::from_static("upload-length"),
    HeaderName::from_static("upload-metadata"),
    HeaderName::from_static("upload-offset"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-inkstone-cache"),
    HeaderName::from_static("x-inkstone-plugin-version"),
    HeaderName::from_static("x-request-id"),
];

/// What pages may read beside the body: all that routes tell, and what comes with many replies.
const TOLD: [HeaderName; 28] = [
    ACCEPT_RANGES,
    CONTENT_DISPOSITION,
    CONTENT_RANGE,
    ETAG,
    LINK,
    LOCATION,
    RETRY_AFTER,
    HeaderName::from_static("idempotent-replayed"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("tus-resumable"),
    HeaderName::from_static("upload-expires"),
    HeaderName::from_static("upload-length"),
    HeaderName::from_static("upload-offset"),
    HeaderName::from_static("x-inkstone-attempts"),
    HeaderName::from_static("x-inkstone-cache"),
    HeaderName::from_static("x-inkstone-chat"),
    HeaderName::from_static("x-inkstone-media"),
    HeaderName::from_static("x-inkstone-message"),
    HeaderName::from_static("x-inkstone-overhead-ms"),
    HeaderName::from_static("x-inkstone-plugin"),
    HeaderName::from_static("x-inkstone-provider"),
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
    HeaderName::from_static("x-request-id"),
];

/// Answers what browsers ask beforehand, and marks replies to these origins. Origins are compared as they
/// are written, and never mirrored. `None` where there are none: `OPTIONS` is a method like others then.
pub(crate) fn cors(config: &CorsConfig) -> Option<CorsLayer> {
    let origins = config.origins.iter();
    let origins = origins.filter_map(|origin| HeaderValue::try_from(origin).ok());
    let origins: Vec<HeaderValue> = origins.collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(config.allows_credentials)
        .allow_methods(METHODS)
        .allow_headers(SENT)
        .expose_headers(TOLD)
        .max_age(MAX_AGE);
    Some(layer)
}
