//! The id of a request: the caller's own where it is harmless, else a new ULID.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ulid::Ulid;

use inkstone_services::RequestContext;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same, as Anthropic's clients look for it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Longer ids of callers are replaced: they go into every log line.
const MAX_LENGTH: usize = 128;

/// Names one request in replies, logs, spans and calls of plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// The id the caller sent, or a new one.
    pub(crate) fn accept_or_make(headers: &HeaderMap) -> Self {
        let sent = headers
            .get(X_REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_harmless(id));
        match sent {
            Some(id) => Self(Arc::from(id)),
            None => Self(Arc::from(Ulid::new().to_string())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What goes with calls of the services.
    pub(crate) fn context(&self) -> RequestContext {
        RequestContext {
            request_id: self.0.as_ref().to_owned(),
            ..RequestContext::default()
        }
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self::accept_or_make(&parts.headers)))
    }
}

fn is_harmless(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    !id.is_empty() && id.len() <= MAX_LENGTH && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_only_if_it_is_harmless() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
            RequestId::accept_or_make(&headers).as_str().to_owned()
        };
        assert_eq!(of("trace-7.a_B"), "trace-7.a_B");
        assert_ne!(of("two words"), "two words");
        assert_ne!(of(&"x".repeat(129)), "x".repeat(129));
        assert_ne!(of(""), "");
    }
}
