//! Query parameters. Unknown ones are refused by the types themselves, so that a misspelt filter
//! never lists everything.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use inkstone_domain::{Error, FieldError};
use serde::de::DeserializeOwned;

use crate::error::{ApiError, invalid_fields};
use crate::state::Shared;

/// The parameters after `?`.
pub(crate) struct QueryOf<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError(refusal(&rejection.body_text()))),
        }
    }
}

/// Axum's text is `Failed to deserialize query string: <parameter>: <what is wrong>`.
fn refusal(text: &str) -> Error {
    let text = text
        .strip_prefix("Failed to deserialize query string: ")
        .unwrap_or(text);
    let (pointer, detail) = match text.split_once(": ") {
        Some((name, detail)) => (format!("?{name}"), detail),
        None => ("?".to_owned(), text),
    };
    let detail = detail.to_owned();
    invalid_fields(
        "a query parameter is not valid",
        vec![FieldError { pointer, detail }],
    )
}
