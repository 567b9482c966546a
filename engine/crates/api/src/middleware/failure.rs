//! The one place where a failed request is logged and its body written: problem details, or OpenAI's
//! envelope on OpenAI's routes.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use inkstone_domain::{Error, ErrorKind};
use tracing::{debug, error, warn};

use super::RequestId;
use crate::error::Failure;
use crate::wire::openai::error::OpenAiError;
use crate::wire::problem::Problem;

/// In which shape a route tells errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    Problem,
    OpenAi,
}

impl Envelope {
    /// Decided by the path, so that it holds for unknown methods, panics and bodies that are too large too.
    pub(crate) fn of(path: &str) -> Self {
        let is_openai = path.starts_with("/v1/chat/")
            || path == "/v1/embeddings"
            || path == "/v1/models"
            || path.starts_with("/v1/models/");
        if is_openai {
            Self::OpenAi
        } else {
            Self::Problem
        }
    }
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
    };
    // Both shapes are strings and numbers, which always can be written.
    (media_type, body.unwrap_or_default())
}
