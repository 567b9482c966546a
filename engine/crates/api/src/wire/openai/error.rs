//! OpenAI's error envelope, as the body of a reply and as an event of a stream that broke.

use inkstone_domain::{Error, ErrorKind, codes};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, in OpenAI's envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenAiError {
    pub error: OpenAiErrorDetail,
}

/// The inside of OpenAI's error envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenAiErrorDetail {
    /// What happened, and what would help.
    pub message: String,
    /// One of OpenAI's few types.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    pub kind: &'static str,
    /// Programs decide by it: the upstream's own code where it gave one, such as `insufficient_quota`, else ours,
    /// which is stable.
    #[schema(example = "unknown_model")]
    pub code: String,
    /// The first wrong field, such as `messages[0].content`.
    pub param: Option<String>,
}

impl OpenAiError {
    pub(crate) fn new(error: &Error) -> Self {
        let first = error.fields().first();
        Self {
            error: OpenAiErrorDetail {
                message: error.message().to_owned(),
                kind: type_of(error),
                code: error
                    .upstream_code()
                    .unwrap_or(error.code().name)
                    .to_owned(),
                param: first.and_then(|field| param_of(&field.pointer)),
            },
        }
    }
}

fn type_of(error: &Error) -> &'static str {
    if error.code() == &codes::QUOTA_EXCEEDED {
        return "insufficient_quota";
    }
    match error.kind() {
        ErrorKind::InvalidInput
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::PreconditionFailed
        | ErrorKind::TooLarge
        | ErrorKind::Cancelled => "invalid_request_error",
        ErrorKind::Unauthenticated => "authentication_error",
        ErrorKind::Forbidden => "permission_error",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Internal | ErrorKind::Upstream | ErrorKind::Unavailable | ErrorKind::Timeout => {
            "server_error"
        }
    }
}

/// `/messages/0/content` → `messages[0].content`; the root has no name.
fn param_of(pointer: &str) -> Option<String> {
    let mut param = String::new();
    for part in pointer.split('/').skip(1) {
        let is_index = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_index {
            param.push_str(&format!("[{part}]"));
            continue;
        }
        if !param.is_empty() {
            param.push('.');
        }
        param.push_str(&part.replace("~1", "/").replace("~0", "~"));
    }
    (!param.is_empty()).then_some(param)
}

#[cfg(test)]
mod tests {
    use inkstone_domain::FieldError;

    use super::*;

    #[test]
    fn a_pointer_becomes_a_param() {
        assert_eq!(param_of(""), None);
        assert_eq!(param_of("/n").as_deref(), Some("n"));
        assert_eq!(
            param_of("/messages/0/content/12/image_url").as_deref(),
            Some("messages[0].content[12].image_url")
        );
        assert_eq!(param_of("/a~1b").as_deref(), Some("a/b"));
    }

    #[test]
    fn a_code_of_the_upstream_goes_before_ours() {
        let error = Error::new(&codes::UPSTREAM_RATE_LIMITED, "no balance");
        assert_eq!(OpenAiError::new(&error).error.code, "upstream_rate_limited");
        let error = error.with_upstream_code(Some("insufficient_quota".to_owned()));
        let shown = OpenAiError::new(&error).error;
        assert_eq!(shown.code, "insufficient_quota");
        assert_eq!(shown.kind, "rate_limit_error");
    }

    #[test]
    fn the_envelope_names_the_first_field() {
        let field = FieldError {
            pointer: "/n".to_owned(),
            detail: "only `1` is possible".to_owned(),
        };
        let error = crate::error::invalid_fields("the request is not valid", vec![field]);
        let json = serde_json::to_value(OpenAiError::new(&error)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"error": {
                "message": "the request is not valid: `/n` only `1` is possible",
                "type": "invalid_request_error",
                "code": "invalid_input",
                "param": "n",
            }})
        );
    }
}
