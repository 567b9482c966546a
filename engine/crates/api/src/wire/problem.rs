//! The error body of every route that is not OpenAI-compatible: RFC 9457, `application/problem+json`.

use inkstone_domain::Error;
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, after RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; the last part is the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:inkstone:problem:not_found")]
    pub kind: String,
    /// The same for every problem of this code.
    #[schema(example = "There is no such thing")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened here, and what would help.
    pub detail: String,
    /// Stable: programs decide by it.
    #[schema(example = "not_found")]
    pub code: &'static str,
    /// The same as in the header `x-request-id`; quote it when you ask for help.
    pub request_id: String,
    /// With `revision_mismatch`: the revision that is stored, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 7)]
    pub current_revision: Option<u64>,
    /// The fields that are wrong, where the input is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
}

/// One wrong field.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    #[schema(example = "/input/topic")]
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl Problem {
    /// The media type of this body.
    pub(crate) const MEDIA_TYPE: &'static str = "application/problem+json";

    pub(crate) fn new(error: &Error, status: u16, request_id: &str) -> Self {
        let code = error.code();
        let errors = error
            .fields()
            .iter()
            .map(|field| ProblemField {
                pointer: field.pointer.clone(),
                detail: field.detail.clone(),
            })
            .collect();
        Self {
            kind: format!("urn:inkstone:problem:{}", code.name),
            title: code.title,
            status,
            detail: error.message().to_owned(),
            code: code.name,
            request_id: request_id.to_owned(),
            current_revision: error.revision(),
            errors,
        }
    }
}
