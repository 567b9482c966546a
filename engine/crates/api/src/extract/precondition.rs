//! `If-Match` and `If-None-Match` over revisions: the entity tag of revision 7 is `"7"`, and `"7-…"` where
//! what was sent with it changes by itself.

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use inkstone_domain::{Error, Result, codes};

use crate::error::ApiError;
use crate::state::Shared;

/// The revision the caller changes; `None` where any will do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct IfMatch(pub Option<u64>);

/// The tags the caller holds already.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct IfNoneMatch(Option<HeaderValue>);

impl IfNoneMatch {
    /// Whether the caller holds this very version.
    pub(crate) fn holds(&self, tag: &HeaderValue) -> bool {
        let (Some(held), Ok(tag)) = (&self.0, tag.to_str()) else {
            return false;
        };
        held.to_str().is_ok_and(|held| {
            held.split(',')
                .map(str::trim)
                // The comparison is the weak one (RFC 9110, 13.1.2): proxies that compress mark tags as weak.
                .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
        })
    }
}

impl FromRequestParts<Shared> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        if_match(&parts.headers)
    }
}

impl FromRequestParts<Shared> for IfNoneMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        Ok(Self(parts.headers.get(IF_NONE_MATCH).cloned()))
    }
}

fn if_match(headers: &HeaderMap) -> Result<IfMatch, ApiError> {
    let Some(text) = only_value(headers, &IF_MATCH)? else {
        return Ok(IfMatch(None));
    };
    Ok(IfMatch(revision_of(text)?))
}

/// The revision that an entity tag stands for; `None` for `*`, which is any.
pub(crate) fn revision_of(text: &str) -> Result<Option<u64>> {
    if text == "*" {
        return Ok(None);
    }
    if text.starts_with("W/") {
        return Err(Error::new(
            &codes::REVISION_MISMATCH,
            "a weak tag never matches; send the `etag` of the reply as it was, such as `\"7\"`",
        ));
    }
    let inside = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(inside) = inside else {
        return Err(Error::new(
            &codes::INVALID_INPUT,
            "`if-match` must be one entity tag, such as `\"7\"`, or `*`",
        ));
    };
    let revision = inside
        .split_once('-')
        .map_or(inside, |(revision, _)| revision);
    revision.parse().map(Some).map_err(|_| {
        Error::new(
            &codes::REVISION_MISMATCH,
            format!("`{text}` is not the tag of any revision; read the resource again and send its `etag`"),
        )
    })
}

fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    match (first.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.trim())),
        _ => Err(ApiError::new(
            &codes::INVALID_INPUT,
            format!("`{name}` must be sent once, in ASCII"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &'static str) -> Result<Option<u64>, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_static(value));
        if_match(&headers)
            .map(|IfMatch(revision)| revision)
            .map_err(|ApiError(error)| error.code().name)
    }

    #[test]
    fn if_match_takes_one_strong_tag() {
        assert_eq!(check("\"7\""), Ok(Some(7)));
        assert_eq!(check("\"7-0a1b2c3d\""), Ok(Some(7)));
        assert_eq!(check("*"), Ok(None));
        assert_eq!(check("W/\"7\""), Err("revision_mismatch"));
        assert_eq!(check("\"abc\""), Err("revision_mismatch"));
        assert_eq!(check("7"), Err("invalid_input"));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), IfMatch(None));
    }

    #[test]
    fn if_none_match_compares_weakly_over_lists() {
        let tag = HeaderValue::from_static("\"7\"");
        let holds = |value| IfNoneMatch(Some(HeaderValue::from_static(value))).holds(&tag);
        assert!(holds("\"7\""));
        assert!(holds("\"6\", W/\"7\""));
        assert!(holds("*"));
        assert!(!holds("\"8\""));
        assert!(!IfNoneMatch(None).holds(&tag));
    }
}
