//! The one place where a failed request is logged and its body written: problem details, or the envelope
//! of OpenAI or Anthropic on routes that speak as they do.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use inkstone_domain::{Error, ErrorKind};
use tracing::{debug, error, warn};

use super::RequestId;
use super::rates::set_rates;
use crate::error::Failure;
use crate::wire::anthropic::error::AnthropicError;
use crate::wire::openai::error::OpenAiError;
use crate::wire::problem::Problem;

/// In which shape a route tells errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    Problem,
    OpenAi,
    Anthropic,
}

/// Paths that speak as OpenAI does, and those below them.
const OPENAI_PATHS: [&str; 5] = [
    "/v1/chat",
    "/v1/embeddings",
    "/v1/models",
    "/v1/rerank",
    "/v1/responses",
];

impl Envelope {
    /// Decided by the path, so that it holds for unknown methods, panics and bodies that are too large too.
    pub(crate) fn of(path: &str) -> Self {
        if is_below(path, "/v1/messages") {
            return Self::Anthropic;
        }
        match OPENAI_PATHS.iter().any(|root| is_below(path, root)) {
            true => Self::OpenAi,
            false => Self::Problem,
        }
    }

    /// Whether what stands behind the route is a model, so that an upstream may fail.
    pub(crate) fn is_of_models(self) -> bool {
        self != Self::Problem
    }
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Writes the body of a response that carries a [`Failure`], and logs it; leaves others as they are.
pub(crate) fn write_failure(
    mut response: Response,
    envelope: Envelope,
    request_id: &RequestId,
) -> Response {
    let Some(Failure(failure)) = response.extensions_mut().remove::<Failure>() else {
        return response;
    };
    log_failure(&failure, request_id);
    let status = response.status();
    let (media_type, body) = body_of(&failure, status, envelope, request_id);
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(after) = failure.retry_after() {
        // Whole seconds, rounded up: a caller who comes back early is refused again.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(rate) = failure.rate() {
        set_rates(headers, rate);
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Logs an error with its sources: ours loudly, those of upstreams as warnings, those of callers quietly.
pub(crate) fn log_failure(failure: &Error, request_id: &RequestId) {
    let code = failure.code().name;
    let request_id = request_id.as_str();
    match failure.kind() {
        ErrorKind::Internal => {
            error!(
                error.code = code,
                request_id, "the request failed: {failure:?}"
            );
        }
        ErrorKind::Upstream | ErrorKind::Unavailable | ErrorKind::Timeout => {
            warn!(
                error.code = code,
                request_id, "the request failed: {failure:?}"
            );
        }
        _ => debug!(
            error.code = code,
            request_id, "the request was refused: {failure:?}"
        ),
    }
}

fn body_of(
    failure: &Error,
    status: StatusCode,
    envelope: Envelope,
    request_id: &RequestId,
) -> (&'static str, Vec<u8>) {
    let (media_type, body) = match envelope {
        Envelope::Problem => {
            let problem = Problem::new(failure, status.as_u16(), request_id.as_str());
            (Problem::MEDIA_TYPE, serde_json::to_vec(&problem))
        }
        Envelope::OpenAi => (
            "application/json",
            serde_json::to_vec(&OpenAiError::new(failure)),
        ),
        Envelope::Anthropic => (
            "application/json",
            serde_json::to_vec(&AnthropicError::new(failure, request_id.as_str())),
        ),
    };
    // All shapes are strings and numbers, which always can be written.
    (media_type, body.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides_the_envelope() {
        for (path, envelope) in [
            ("/v1/chat/completions", Envelope::OpenAi),
            ("/v1/chat/other", Envelope::OpenAi),
            ("/v1/models", Envelope::OpenAi),
            ("/v1/models/fake/chat", Envelope::OpenAi),
            ("/v1/modelsx", Envelope::Problem),
            ("/v1/responses", Envelope::OpenAi),
            ("/v1/responses/resp_1", Envelope::OpenAi),
            ("/v1/rerank", Envelope::OpenAi),
            ("/v1/messages", Envelope::Anthropic),
            ("/v1/messages/count_tokens", Envelope::Anthropic),
            ("/v1/messages-batches", Envelope::Problem),
            ("/v1/articles", Envelope::Problem),
            ("/", Envelope::Problem),
        ] {
            assert_eq!(Envelope::of(path), envelope, "{path}");
        }
    }
}
