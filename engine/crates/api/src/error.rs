//! A failed request on its way out. Handlers and extractors answer with [`ApiError`]; the body is
//! written later by `middleware::failure`, which knows the request id and the envelope of the route.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use inkstone_domain::codes::{self, Code};
use inkstone_domain::{Error, ErrorKind, FieldError};

pub(crate) type ApiResult<T = Response> = Result<T, ApiError>;

/// A domain error that ends a request.
#[derive(Debug)]
pub(crate) struct ApiError(pub Error);

impl ApiError {
    pub(crate) fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self(Error::new(code, message))
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The wrong fields of an error, where they stand for the client.
pub(crate) fn fields_at(error: &Error, place: impl Fn(&str) -> String) -> Vec<FieldError> {
    let fields = error.fields().iter();
    let fields = fields.map(|field| FieldError {
        pointer: place(&field.pointer),
        detail: field.detail.clone(),
    });
    fields.collect()
}

/// An invalid input. The message names the first wrong field, for those who read nothing else.
pub(crate) fn invalid_fields(message: &str, fields: Vec<FieldError>) -> Error {
    let message = match fields.first() {
        Some(FieldError { pointer, detail }) if pointer.is_empty() => {
            format!("{message}: {detail}")
        }
        Some(FieldError { pointer, detail }) => format!("{message}: `{pointer}` {detail}"),
        None => message.to_owned(),
    };
    Error::new(&codes::INVALID_INPUT, message).with_fields(fields)
}

/// Marks a response without a body that still needs its error written.
#[derive(Clone)]
pub(crate) struct Failure(pub Error);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = status_of(&self.0);
        response.extensions_mut().insert(Failure(self.0));
        response
    }
}

/// One status per kind; six codes have a status of their own.
pub(crate) fn status_of(error: &Error) -> StatusCode {
    if error.code() == &codes::METHOD_NOT_ALLOWED {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    if error.code() == &codes::BODY_TOO_SLOW {
        return StatusCode::REQUEST_TIMEOUT;
    }
    let is_unprocessable = [
        &codes::IDEMPOTENCY_MISMATCH,
        &codes::MEDIA_TYPE_MISMATCH,
        &codes::ATTACHMENT_UNUSABLE,
    ];
    if is_unprocessable.contains(&error.code()) {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    if error.code() == &codes::RANGE_NOT_SATISFIABLE {
        return StatusCode::RANGE_NOT_SATISFIABLE;
    }
    if error.code() == &codes::UNSUPPORTED_MEDIA_TYPE {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    match error.kind() {
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        // The status many proxies use for a caller who left; only logs ever see it.
        ErrorKind::Cancelled => {
            StatusCode::from_u16(499).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorKind::Upstream => StatusCode::BAD_GATEWAY,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_status_of_its_kind() {
        for code in codes::ALL {
            let status = status_of(&Error::new(code, "…")).as_u16();
            let expected = match (code.name, code.kind) {
                ("method_not_allowed", _) => 405,
                ("body_too_slow", _) => 408,
                ("unsupported_media_type", _) => 415,
                ("range_not_satisfiable", _) => 416,
                ("idempotency_key_reused" | "media_type_mismatch" | "attachment_unusable", _) => {
                    422
                }
                (_, ErrorKind::InvalidInput) => 400,
                (_, ErrorKind::Unauthenticated) => 401,
                (_, ErrorKind::Forbidden) => 403,
                (_, ErrorKind::NotFound) => 404,
                (_, ErrorKind::Conflict) => 409,
                (_, ErrorKind::PreconditionFailed) => 412,
                (_, ErrorKind::TooLarge) => 413,
                (_, ErrorKind::RateLimited) => 429,
                (_, ErrorKind::Cancelled) => 499,
                (_, ErrorKind::Internal) => 500,
                (_, ErrorKind::Upstream) => 502,
                (_, ErrorKind::Unavailable) => 503,
                (_, ErrorKind::Timeout) => 504,
            };
            assert_eq!(status, expected, "{}", code.name);
        }
    }
}
