//! Anthropic's error envelope, as the body of a reply and as an event of a stream that broke.

use inkstone_domain::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, in Anthropic's envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnthropicError {
    /// Always `error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub error: AnthropicErrorDetail,
    /// The same as in the header `x-request-id`; quote it when you ask for help.
    pub request_id: String,
}

/// The inside of Anthropic's error envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnthropicErrorDetail {
    /// One of Anthropic's few types.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    pub kind: &'static str,
    /// What happened, and what would help.
    pub message: String,
    /// Programs decide by it: the upstream's own code where it gave one, else ours, which is stable. Not Anthropic's.
    #[schema(example = "unknown_model")]
    pub code: String,
}

impl AnthropicError {
    pub(crate) fn new(error: &Error, request_id: &str) -> Self {
        Self {
            kind: "error",
            error: AnthropicErrorDetail {
                kind: type_of(error.kind()),
                message: error.message().to_owned(),
                code: error
                    .upstream_code()
                    .unwrap_or(error.code().name)
                    .to_owned(),
            },
            request_id: request_id.to_owned(),
        }
    }
}

fn type_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidInput
        | ErrorKind::Conflict
        | ErrorKind::PreconditionFailed
        | ErrorKind::Cancelled => "invalid_request_error",
        ErrorKind::Unauthenticated => "authentication_error",
        ErrorKind::Forbidden => "permission_error",
        ErrorKind::NotFound => "not_found_error",
        ErrorKind::TooLarge => "request_too_large",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Internal | ErrorKind::Upstream => "api_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Unavailable => "overloaded_error",
    }
}
