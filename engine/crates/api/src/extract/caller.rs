//! Who asks, from `Authorization: Bearer …`.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use inkstone_domain::codes;
use inkstone_domain::principal::Principal;

use crate::error::ApiError;
use crate::state::Shared;

/// The identity behind the request. A handler that takes it cannot be called without a valid token.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub Principal);

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let token = bearer_token(&parts.headers)?;
        let principal = state.services.auth.authenticate(token)?;
        Ok(Self(principal))
    }
}

fn bearer_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(ApiError::new(
            &codes::MISSING_TOKEN,
            "this route needs `Authorization: Bearer <access token>`; `POST /v1/auth/login` gives one",
        ));
    };
    value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| {
            ApiError::new(
                &codes::INVALID_TOKEN,
                "the header `authorization` must be `Bearer <access token>`",
            )
        })
}
