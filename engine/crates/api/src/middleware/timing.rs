//! How long the engine itself took: the whole time to the head of a reply, less the time a handler
//! says it waited for a plugin.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

const X_INKSTONE_OVERHEAD_MS: HeaderName = HeaderName::from_static("x-inkstone-overhead-ms");

/// How long a handler waited for a plugin or model; put into the extensions of its reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waited(pub Duration);

impl Waited {
    /// Notes the wait on a reply.
    pub(crate) fn note(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// Sets `x-inkstone-overhead-ms` where a handler noted a wait: elsewhere all time is the engine's own.
pub(crate) fn set_overhead(headers: &mut HeaderMap, elapsed: Duration, waited: Option<Waited>) {
    let Some(Waited(waited)) = waited else {
        return;
    };
    let overhead_ms = elapsed.saturating_sub(waited).as_secs_f64() * 1000.0;
    if let Ok(value) = HeaderValue::try_from(format!("{overhead_ms:.3}")) {
        headers.insert(X_INKSTONE_OVERHEAD_MS, value);
    }
}
