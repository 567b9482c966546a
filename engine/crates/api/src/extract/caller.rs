//! Who asks, from `Authorization: Bearer …`, or from `x-api-key` as Anthropic's clients send it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use inkstone_domain::codes;
use inkstone_domain::principal::Principal;

use super::client::Client;
use super::scope::check_scope;
use crate::error::ApiError;
use crate::state::Shared;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Somebody who signed in. A handler that takes it cannot be called without a valid token.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub Principal);

/// The same on routes that call models: virtual keys do here too.
#[derive(Debug, Clone)]
pub(crate) struct ModelCaller(pub Principal);

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let ModelCaller(principal) = ModelCaller::from_request_parts(parts, state).await?;
        let Ok(Client(visit)) = Client::from_request_parts(parts, state).await;
        match principal.key {
            None => Ok(Self(Principal {
                origin: Some(Arc::new(visit.origin())),
                ..principal
            })),
            Some(_) => Err(ApiError::new(
                &codes::FORBIDDEN,
                "a virtual key calls models and nothing else; sign in for this route",
            )),
        }
    }
}

impl FromRequestParts<Shared> for ModelCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let token = token_of(&parts.headers)?;
        let principal = state.services.authenticate(token)?;
        // The one place where the scope of a route is looked at.
        if let Some(key) = &principal.api_key {
            let route = parts.extensions.get::<MatchedPath>();
            let route = route.map_or("", MatchedPath::as_str);
            check_scope(key, &parts.method, route)?;
        }
        Ok(Self(principal))
    }
}

/// A bearer token goes before a key: clients send what they are told, and placeholders as keys.
fn token_of(headers: &HeaderMap) -> Result<&str, ApiError> {
    let authorization = headers.get(AUTHORIZATION);
    let key = headers.get(X_API_KEY);
    if authorization.is_none() && key.is_none() {
        return Err(ApiError::new(
            &codes::MISSING_TOKEN,
            "this route needs `Authorization: Bearer <access token>`, or the token as `x-api-key`; `POST /v1/auth/login` gives one",
        ));
    }
    authorization
        .and_then(bearer_token)
        .or_else(|| key.and_then(|value| filled(value.to_str().ok()?)))
        .ok_or_else(|| {
            let detail = match authorization {
                Some(_) => "the header `authorization` must be `Bearer <access token>`",
                None => "the header `x-api-key` must be an access token",
            };
            ApiError::new(&codes::INVALID_TOKEN, detail)
        })
}

fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    match scheme.eq_ignore_ascii_case("bearer") {
        true => filled(token),
        false => None,
    }
}

fn filled(token: &str) -> Option<&str> {
    Some(token.trim()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &[(HeaderName, &'static str)], expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let found = token_of(&headers).map_err(|ApiError(error)| error.code().name);
        assert_eq!(found, expected, "{sent:?}");
    }

    #[test]
    fn the_token_stands_in_one_of_two_headers() {
        let bearer = |value| (AUTHORIZATION, value);
        let key = |value| (X_API_KEY, value);
        check(&[bearer("Bearer a")], Ok("a"));
        check(&[bearer("bearer  a ")], Ok("a"));
        check(&[key("b")], Ok("b"));
        check(&[bearer("Bearer a"), key("b")], Ok("a"));
        check(&[bearer("Basic a"), key("b")], Ok("b"));
        check(&[], Err("missing_token"));
        check(&[bearer("Bearer")], Err("invalid_token"));
        check(&[bearer("Bearer "), key(" ")], Err("invalid_token"));
        check(&[bearer("Basic a")], Err("invalid_token"));
        check(&[key("")], Err("invalid_token"));
    }
}
