//! What goes with a call of a plugin: the request's id, an idempotency key, what it wants of the cache, and
//! for testers the versions they ask for.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use inkstone_domain::rollout::Pin;
use inkstone_domain::{Result, codes};
use inkstone_services::RequestContext;
use inkstone_services::gateway::{CacheMode, CacheWish};
use inkstone_services::plugins::Pins;

use super::ModelCaller;
use crate::error::ApiError;
use crate::middleware::RequestId;
use crate::state::Shared;

/// `ID@VERSION`, several with commas between; for admins.
pub(crate) const X_INKSTONE_PLUGIN_VERSION: HeaderName =
    HeaderName::from_static("x-inkstone-plugin-version");

/// Of any number of requests with the same key one is made (draft-ietf-httpapi-idempotency-key-header).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a request wants of the cache; in replies, what it had of it.
pub(crate) const X_INKSTONE_CACHE: HeaderName = HeaderName::from_static("x-inkstone-cache");

/// The context of this request's calls.
pub(crate) struct CallContext(pub RequestContext);

impl FromRequestParts<Shared> for CallContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let pins = pins_of(&parts.headers)?;
        if pins != Pins::default() {
            let ModelCaller(principal) = ModelCaller::from_request_parts(parts, state).await?;
            if !principal.is_admin() {
                return Err(ApiError::new(
                    &codes::FORBIDDEN,
                    format!(
                        "the header `{X_INKSTONE_PLUGIN_VERSION}` is for testers with the role `admin`"
                    ),
                ));
            }
            state.services.plugins.snapshot().check_pins(&pins)?;
        }
        let request_id = match parts.extensions.get::<RequestId>() {
            Some(known) => known.clone(),
            None => RequestId::accept_or_make(&parts.headers),
        };
        Ok(Self(RequestContext {
            idempotency_key: idempotency_key(&parts.headers)?,
            cache: cache_wish(&parts.headers)?,
            pins,
            ..request_id.context()
        }))
    }
}

/// Without the quotes around it, if it has them.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| not_ascii(&IDEMPOTENCY_KEY))?;
    // The draft has it as a quoted string of structured fields; most clients send it bare.
    let bare = text.trim();
    let inner = bare
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Ok(Some(inner.unwrap_or(bare).to_owned()))
}

/// `on`, `off`, `read_only` or `write_only`, and with `;max_age_s=60` nothing older.
fn cache_wish(headers: &HeaderMap) -> Result<CacheWish, ApiError> {
    let Some(value) = headers.get(X_INKSTONE_CACHE) else {
        return Ok(CacheWish::default());
    };
    let wrong = || {
        ApiError::new(
            &codes::INVALID_INPUT,
            format!(
                "the header `{X_INKSTONE_CACHE}` must be `on`, `off`, `read_only` or `write_only`, with `; max_age_s=60` behind it where nothing older will do"
            ),
        )
    };
    let text = value.to_str().map_err(|_| not_ascii(&X_INKSTONE_CACHE))?;
    let mut parts = text.split(';').map(str::trim);
    let mode = match parts.next() {
        Some("on") => CacheMode::On,
        Some("off") => CacheMode::Off,
        Some("read_only") => CacheMode::ReadOnly,
        Some("write_only") => CacheMode::WriteOnly,
        _ => return Err(wrong()),
    };
    let mut max_age = None;
    for part in parts {
        let seconds = part.strip_prefix("max_age_s=").ok_or_else(wrong)?;
        let seconds: u32 = seconds.parse().map_err(|_| wrong())?;
        max_age = Some(Duration::from_secs(u64::from(seconds)));
    }
    Ok(CacheWish {
        mode: Some(mode),
        max_age,
    })
}

fn not_ascii(name: &HeaderName) -> ApiError {
    ApiError::new(
        &codes::INVALID_INPUT,
        format!("the header `{name}` must be ASCII"),
    )
}

fn pins_of(headers: &HeaderMap) -> Result<Pins, ApiError> {
    let mut pins: Vec<Pin> = Vec::new();
    for value in headers.get_all(X_INKSTONE_PLUGIN_VERSION) {
        let text = value
            .to_str()
            .map_err(|_| not_ascii(&X_INKSTONE_PLUGIN_VERSION))?;
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let pin: Pin = part.parse()?;
            if pins.iter().any(|other| other.plugin == pin.plugin) {
                return Err(ApiError::new(
                    &codes::INVALID_INPUT,
                    format!(
                        "the header `{X_INKSTONE_PLUGIN_VERSION}` names `{}` twice",
                        pin.plugin
                    ),
                ));
            }
            pins.push(pin);
        }
    }
    Ok(pins.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&'static str]) -> Result<Vec<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_INKSTONE_PLUGIN_VERSION, value.parse().unwrap());
        }
        match pins_of(&headers) {
            Ok(pins) => Ok(pins.iter().map(Pin::to_string).collect()),
            Err(ApiError(error)) => Err(error.code().name),
        }
    }

    #[test]
    fn several_versions_come_with_commas_or_in_several_headers() {
        let both = [
            "provider-a@1.2.0".to_owned(),
            "research-b@2.0.0-rc.1".to_owned(),
        ];
        assert_eq!(
            check(&["provider-a@1.2.0, research-b@2.0.0-rc.1"]),
            Ok(both.to_vec())
        );
        assert_eq!(
            check(&["provider-a@1.2.0", "research-b@2.0.0-rc.1,"]),
            Ok(both.to_vec())
        );
        assert_eq!(check(&[]), Ok(Vec::new()));
        assert_eq!(check(&["provider-a"]), Err("invalid_input"));
        assert_eq!(check(&["p@1.0.0, p@2.0.0"]), Err("invalid_input"));
    }
}
