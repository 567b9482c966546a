//! `/v1/media/{id}/content`: the bytes of a file, whole or in part, for who may read it or has a link. They
//! are served as what they are and never run: no sniffing, a sandbox, and for saving unless a browser can
//! show them by itself.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use inkstone_domain::codes;
use inkstone_domain::ids::MediaId;
use inkstone_services::media::{Claim, Link, LinkClaim, Readable};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::ops::Range;
use utoipa::IntoParams;

use super::media::media_reply;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Caller, IfMatch, IfNoneMatch, PathId, QueryOf, bytes_of, type_of};
use crate::reply::{not_modified, streamed};
use crate::state::Shared;
use crate::wire::media::MediaReply;
use crate::wire::problem::Problem;

/// Which bytes, and with which link.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContentQuery {
    /// The newest where it is left out.
    version: Option<u32>,
    /// A smaller picture, such as `thumbnail`.
    variant: Option<String>,
    /// Offers it for saving, whatever it is.
    download: Option<bool>,
    /// Of a link.
    expires: Option<i64>,
    /// Of a link.
    signature: Option<String>,
}

/// How the file is called from now on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplaceQuery {
    /// As before where it is left out.
    name: Option<String>,
}

/// Read a file
///
/// Its bytes, or a part of them with `range`. For who may read the file, and with a link for everybody.
#[utoipa::path(
    get, path = "/v1/media/{id}/content", tag = "media",
    params(("id" = String, Path, description = "`med_…`"), ContentQuery,
           ("range" = Option<String>, Header, description = "One part, such as `bytes=0-1023`."),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The bytes.", content_type = "*/*",
         headers(("etag" = String, description = "Of these bytes."))),
        (status = 206, description = "A part of them.", content_type = "*/*"),
        (status = 304, description = "The caller holds these bytes."),
        (status = 416, description = "There is no such part.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_content(
    State(state): State<Shared>,
    caller: Result<Caller, ApiError>,
    PathId(id): PathId<MediaId>,
    QueryOf(query): QueryOf<ContentQuery>,
    held: IfNoneMatch,
    headers: HeaderMap,
) -> ApiResult {
    let library = &state.services.media;
    let link = link_of(id, &query)?;
    let readable = match &link {
        Some(link) => library.linked(link).await?,
        None => {
            let Caller(principal) = caller?;
            let variant = query.variant.as_deref();
            library
                .content(&principal, id, query.version, variant)
                .await?
        }
    };
    let tag = tag_of(&readable);
    if held.holds(&tag) {
        return Ok(described(not_modified(), &readable, tag));
    }
    let size_bytes = readable.content.size_bytes;
    let range = match wanted_range(&headers, &tag, size_bytes) {
        Ok(range) => range,
        Err(()) => return Ok(unsatisfiable(size_bytes)),
    };
    let blob = library.open(&readable, range.clone()).await?;
    let length = blob.range.end - blob.range.start;
    let mut response = Response::new(streamed(blob.bytes));
    let reply = response.headers_mut();
    reply.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if range.is_some() {
        let last = blob.range.end.saturating_sub(1);
        let part = format!("bytes {}-{last}/{size_bytes}", blob.range.start);
        reply.insert(CONTENT_RANGE, ascii(&part));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let is_saved = query.download.unwrap_or_default() || !readable.is_shown();
    let reply = response.headers_mut();
    reply.insert(CONTENT_DISPOSITION, disposition(&readable.name, is_saved));
    if let Some(link) = &link {
        let left = library.lasting(link).num_seconds();
        reply.insert(CACHE_CONTROL, ascii(&format!("private, max-age={left}")));
    }
    Ok(described(response, &readable, tag))
}

/// Replace a file
///
/// The body is the new version of its bytes; older ones stay. For who added it, and for editors of its
/// project.
#[utoipa::path(
    put, path = "/v1/media/{id}/content", tag = "media",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(("id" = String, Path, description = "`med_…`"), ReplaceQuery,
           ("if-match" = Option<String>, Header, description = "The `etag` of the file's revision that is changed.")),
    responses(
        (status = 200, description = "The file.", body = MediaReply, headers(("etag" = String, description = "Its revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "It is too large, or the project keeps as much as it may.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "It is of a type that is not taken.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It is not what it is said to be.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replace_content(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<MediaId>,
    QueryOf(query): QueryOf<ReplaceQuery>,
    IfMatch(revision): IfMatch,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let claim = Claim {
        name: query.name.unwrap_or_default(),
        content_type: type_of(&parts.headers),
    };
    let library = &state.services.media;
    let media = library
        .add_version(&principal, id, claim, bytes_of(body), revision)
        .await?;
    media_reply(StatusCode::OK, media)
}

/// Where a link leads, from the engine's root.
pub(crate) fn link_path(link: &Link) -> String {
    let LinkClaim {
        media,
        version,
        variant,
        expires,
    } = &link.claim;
    let variant = variant.as_deref().map_or(String::new(), |variant| {
        format!(
            "&variant={}",
            utf8_percent_encode(variant, NON_ALPHANUMERIC)
        )
    });
    format!(
        "/v1/media/{media}/content?version={version}{variant}&expires={expires}&signature={}",
        link.signature
    )
}

/// The link of the query, if it has one.
fn link_of(media: MediaId, query: &ContentQuery) -> Result<Option<Link>, ApiError> {
    match (query.version, query.expires, &query.signature) {
        (_, None, None) => Ok(None),
        (Some(version), Some(expires), Some(signature)) => Ok(Some(Link {
            claim: LinkClaim {
                media,
                version,
                variant: query.variant.clone(),
                expires,
            },
            signature: signature.clone(),
        })),
        _ => Err(ApiError::new(
            &codes::INVALID_LINK,
            "the link is not whole; it has `version`, `expires` and `signature`",
        )),
    }
}

/// The bytes never change under their hash.
fn tag_of(readable: &Readable) -> HeaderValue {
    ascii(&format!("\"{}\"", readable.content.sha256))
}

/// Adds what holds of these bytes, whole, in part or left out.
fn described(mut response: Response, readable: &Readable, tag: HeaderValue) -> Response {
    let content_type = readable.content.content_type.as_str();
    let content_type = match content_type.starts_with("text/") {
        true => format!("{content_type}; charset=utf-8"),
        false => content_type.to_owned(),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, ascii(&content_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, tag);
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    response
}

/// The part that is wanted; `None` is all, also where the header is none that is understood here (RFC 9110,
/// 14.2). An error is a part that there is not.
pub(super) fn wanted_range(
    headers: &HeaderMap,
    tag: &HeaderValue,
    size_bytes: u64,
) -> Result<Option<Range<u64>>, ()> {
    let Some(range) = headers.get(RANGE) else {
        return Ok(None);
    };
    let is_of_other = headers.get(IF_RANGE).is_some_and(|held| held != tag);
    let parsed = range
        .to_str()
        .ok()
        .and_then(|text| parse_range_header(text).ok());
    let Some(parsed) = parsed.filter(|_| !is_of_other) else {
        return Ok(None);
    };
    match parsed.validate(size_bytes).as_deref() {
        Ok([one]) if *one.start() < size_bytes => Ok(Some(*one.start()..*one.end() + 1)),
        Ok([_]) => Err(()),
        // Several parts at once, or more from the end than there is: all of it is an answer, too.
        Ok(_) | Err(RangeUnsatisfiableError::FileSuffixOutOfBounds) => Ok(None),
        Err(_) => Err(()),
    }
}

pub(super) fn unsatisfiable(size_bytes: u64) -> Response {
    let message = format!("the file has {size_bytes} bytes");
    let mut response = ApiError::new(&codes::RANGE_NOT_SATISFIABLE, message).into_response();
    let whole = ascii(&format!("bytes */{size_bytes}"));
    response.headers_mut().insert(CONTENT_RANGE, whole);
    response
}

/// What RFC 8187 lets stand as it is.
const AS_IT_IS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// RFC 6266: the name in ASCII for old clients, and as it is for all others.
pub(super) fn disposition(name: &str, is_saved: bool) -> HeaderValue {
    let kind = if is_saved { "attachment" } else { "inline" };
    let plain: String = name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '%' => '_',
            letter if letter.is_ascii_graphic() || letter == ' ' => letter,
            _ => '_',
        })
        .collect();
    let whole = utf8_percent_encode(name, AS_IT_IS);
    ascii(&format!(
        "{kind}; filename=\"{plain}\"; filename*=UTF-8''{whole}"
    ))
}

/// Of a text that is printable ASCII.
pub(super) fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_header() {
        for (name, expected) in [
            (
                "tide.png",
                "attachment; filename=\"tide.png\"; filename*=UTF-8''tide.png",
            ),
            (
                "Ebbe & \"Flut\".png",
                "attachment; filename=\"Ebbe & _Flut_.png\"; filename*=UTF-8''Ebbe%20%26%20%22Flut%22.png",
            ),
            (
                "à\r\nb",
                "attachment; filename=\"___b\"; filename*=UTF-8''%C3%A0%0D%0Ab",
            ),
        ] {
            assert_eq!(disposition(name, true), expected);
        }
    }

    #[test]
    fn parts_of_ten_bytes() {
        let tag = HeaderValue::from_static("\"a\"");
        let check = |range: &'static str, if_range: Option<&'static str>, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static(range));
            if let Some(held) = if_range {
                headers.insert(IF_RANGE, HeaderValue::from_static(held));
            }
            assert_eq!(wanted_range(&headers, &tag, 10), expected, "{range}");
        };
        check("bytes=0-3", None, Ok(Some(0..4)));
        check("bytes=4-", None, Ok(Some(4..10)));
        check("bytes=4-99", None, Ok(Some(4..10)));
        check("bytes=-3", None, Ok(Some(7..10)));
        check("bytes=-99", None, Ok(None));
        check("bytes=10-", None, Err(()));
        check("bytes=5-4", None, Err(()));
        check("bytes=0-1,4-5", None, Ok(None));
        check("lines=0-1", None, Ok(None));
        check("bytes=0-3", Some("\"a\""), Ok(Some(0..4)));
        check("bytes=0-3", Some("\"b\""), Ok(None));
        assert_eq!(wanted_range(&HeaderMap::new(), &tag, 10), Ok(None));
    }
}
