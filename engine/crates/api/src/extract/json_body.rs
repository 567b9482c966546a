//! A JSON body, with errors that say where it is wrong. Large bodies are parsed on a blocking thread.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use inkstone_domain::{Error, FieldError, Result, codes};
use serde::de::DeserializeOwned;

use super::broken_off::broken_off;
use super::pointer_of;
use crate::error::{ApiError, invalid_fields};
use crate::reply::{LARGE_BYTES, off_thread_if};
use crate::state::Shared;
use crate::wire::object::Object;

/// A body of the type `application/json`.
pub(crate) struct JsonBody<T> {
    pub value: T,
    /// Whether converting it further belongs on a blocking thread as well.
    pub is_large: bool,
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<Shared> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        check_media_type(request.headers())?;
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| body_not_read(rejection, state.config.max_body_bytes))?;
        let is_large = bytes.len() > LARGE_BYTES;
        let value = off_thread_if(is_large, move || parse(&bytes)).await?;
        Ok(Self { value, is_large })
    }
}

/// The error of a body beyond the limit, wherever that is noticed.
pub(crate) fn body_too_large(max_body_bytes: usize) -> ApiError {
    ApiError::new(
        &codes::BODY_TOO_LARGE,
        format!(
            "the body may have at most {max_body_bytes} bytes; send less, or raise the limit of the engine"
        ),
    )
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim)
        .unwrap_or_default();
    let is_json = media_type.eq_ignore_ascii_case("application/json")
        || media_type.to_ascii_lowercase().ends_with("+json");
    if is_json {
        return Ok(());
    }
    Err(ApiError::new(
        &codes::UNSUPPORTED_MEDIA_TYPE,
        "the body must be JSON with the header `content-type: application/json`",
    ))
}

fn body_not_read(rejection: BytesRejection, max_body_bytes: usize) -> ApiError {
    if let BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) = rejection {
        return body_too_large(max_body_bytes);
    }
    ApiError(broken_off(rejection))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| not_as_expected(&error))?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_as_expected(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let cause = error.inner();
    if !cause.is_data() {
        return not_json(cause);
    }
    let field = FieldError {
        pointer: pointer_of(error.path()),
        detail: without_place(&cause.to_string()),
    };
    invalid_fields("the body is not what this route takes", vec![field])
}

fn not_json(error: &serde_json::Error) -> Error {
    Error::new(
        &codes::INVALID_JSON,
        format!("the body is not valid JSON: {error}"),
    )
}

/// `… at line 1 column 9` says nothing beside a pointer.
fn without_place(message: &str) -> String {
    match message.rsplit_once(" at line ") {
        Some((detail, _)) => detail.to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Body {
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Item {
        name: String,
    }

    fn refusal(body: &str) -> String {
        let error = parse::<Body>(body.as_bytes()).unwrap_err();
        let fields: Vec<String> = error
            .fields()
            .iter()
            .map(|field| format!(" {} {}", field.pointer, field.detail))
            .collect();
        format!("{}:{}", error.code().name, fields.concat())
    }

    #[test]
    fn a_refusal_points_to_the_field() {
        assert_eq!(
            refusal(r#"{"items":[{"name":"a"},{"name":7}]}"#),
            "invalid_input: /items/1/name invalid type: integer `7`, expected a string"
        );
        assert_eq!(
            refusal(r#"{"items":[{"name":"a","size":1}]}"#),
            "invalid_input: /items/0/size unknown field `size`, expected `name`"
        );
        assert_eq!(refusal("{}"), "invalid_input:  missing field `items`");
        assert_eq!(
            refusal("[[]]"),
            "invalid_input:  invalid type: sequence, expected a JSON object"
        );
    }

    #[test]
    fn broken_json_is_told_apart_from_wrong_json() {
        assert_eq!(refusal("{"), "invalid_json:");
        assert_eq!(refusal(""), "invalid_json:");
        assert_eq!(refusal(r#"{"items":[]} {}"#), "invalid_json:");
    }
}
