//! `/v1/projects/{slug}/uploads`: uploads in pieces, by the tus protocol 1.0 with the extensions creation,
//! expiration and termination. What is acknowledged is kept, so a client goes on where it was.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::options;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use inkstone_domain::codes;
use inkstone_domain::ids::UploadId;
use inkstone_domain::media::Upload;
use inkstone_services::media::NewUpload;

use crate::error::{ApiError, ApiResult};
use crate::extract::{Caller, PathWord, PathWordId, bytes_of};
use crate::reply::{json, location, no_content};
use crate::state::Shared;
use crate::wire::media::UploadReply;
use crate::wire::problem::Problem;

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// What a whole upload became; not of the protocol.
const INKSTONE_MEDIA: HeaderName = HeaderName::from_static("x-inkstone-media");

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,expiration,termination";
const PIECE: &str = "application/offset+octet-stream";

/// What a client may ask before it signs in; not in the document.
pub(crate) fn discovery() -> Router<Shared> {
    Router::new().route("/v1/projects/{slug}/uploads", options(tell_protocol))
}

async fn tell_protocol(State(state): State<Shared>) -> Response {
    let max_bytes = state.services.media.config().max_bytes;
    let mut response = spoken(no_content());
    let headers = response.headers_mut();
    headers.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS));
    headers.insert(TUS_MAX_SIZE, HeaderValue::from(max_bytes));
    response
}

/// Begin an upload
///
/// By the tus protocol: the file's length as `upload-length`, and as `upload-metadata` what is known of it
/// (`filename`, `filetype`, `alt`, each in Base64). The pieces are sent to `location`. For editors of the
/// project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/uploads", tag = "media",
    params(("slug" = String, Path, description = "Of the project."),
           ("tus-resumable" = Option<String>, Header, description = "`1.0.0`"),
           ("upload-length" = u64, Header, description = "Of the whole file, in bytes."),
           ("upload-metadata" = Option<String>, Header, description = "Such as `filename dGlkZS5wbmc=`.")),
    responses(
        (status = 201, description = "It can begin.", body = UploadReply,
         headers(("location" = String, description = "Where the pieces go."),
                 ("upload-expires" = String, description = "When it ends by itself."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "The client speaks another version of the protocol.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The file is too large, or the project keeps as much as it may.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn begin_upload(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    headers: HeaderMap,
) -> ApiResult {
    check_version(&headers)?;
    let new = NewUpload {
        size_bytes: number(&headers, &UPLOAD_LENGTH)?,
        ..metadata(&headers)?
    };
    let library = &state.services.media;
    let upload = library.begin_upload(&principal, &slug, new).await?;
    let place = location(format!("/v1/projects/{slug}/uploads/{}", upload.id));
    let mut response = told(StatusCode::CREATED, upload)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show an upload
///
/// How far it is, in its headers and as JSON; `HEAD` does, too. For who began it.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/uploads/{id}", tag = "media",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`upl_…`")),
    responses(
        (status = 200, description = "The upload.", body = UploadReply,
         headers(("upload-offset" = u64, description = "How many bytes are kept."),
                 ("upload-length" = u64, description = "Of the whole file."))),
        (status = 412, description = "The client speaks another version of the protocol.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show_upload(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<UploadId>,
    headers: HeaderMap,
) -> ApiResult {
    check_version(&headers)?;
    let upload = state.services.media.upload(&principal, &slug, id).await?;
    told(StatusCode::OK, upload)
}

/// Continue an upload
///
/// The body is the next piece, from `upload-offset` on. What came of it before a connection broke off is
/// kept. With its last byte the upload becomes a file, whose id is in `x-inkstone-media`; what is no file
/// that is taken here ends the upload. For who began it.
#[utoipa::path(
    patch, path = "/v1/projects/{slug}/uploads/{id}", tag = "media",
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`upl_…`"),
           ("tus-resumable" = Option<String>, Header, description = "`1.0.0`"),
           ("upload-offset" = u64, Header, description = "How many bytes there are already.")),
    responses(
        (status = 204, description = "All of it is kept.",
         headers(("upload-offset" = u64, description = "How many bytes are kept."),
                 ("x-inkstone-media" = String, description = "What it became, once it is whole."))),
        (status = 409, description = "The upload is elsewhere, or the project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The piece goes beyond the length.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "The client speaks another version of the protocol.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is no piece, or the file of a type that is not taken.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The file is not what it was said to be.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn continue_upload(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<UploadId>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    check_version(&parts.headers)?;
    if parts
        .headers
        .get(CONTENT_TYPE)
        .is_none_or(|value| value != PIECE)
    {
        return Err(ApiError::new(
            &codes::UNSUPPORTED_MEDIA_TYPE,
            format!("a piece is sent with `content-type: {PIECE}`"),
        ));
    }
    let offset = number(&parts.headers, &UPLOAD_OFFSET)?;
    let library = &state.services.media;
    let upload = library
        .continue_upload(&principal, &slug, id, offset, bytes_of(body))
        .await?;
    Ok(described(no_content(), &upload))
}

/// End an upload
///
/// Whatever there is of it; a file that it became stays. For who began it.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}/uploads/{id}", tag = "media",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`upl_…`")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, description = "The client speaks another version of the protocol.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn end_upload(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<UploadId>,
    headers: HeaderMap,
) -> ApiResult {
    check_version(&headers)?;
    let library = &state.services.media;
    library.end_upload(&principal, &slug, id).await?;
    Ok(spoken(no_content()))
}

fn told(status: StatusCode, upload: Upload) -> ApiResult {
    let response = json(status, &UploadReply::from(upload.clone()))?;
    Ok(described(response, &upload))
}

fn described(response: Response, upload: &Upload) -> Response {
    let mut response = spoken(response);
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(upload.offset()));
    headers.insert(UPLOAD_LENGTH, HeaderValue::from(upload.size_bytes));
    // As the protocol wants it: RFC 9110, 5.6.7.
    let expires = upload.expires_at.format("%a, %d %b %Y %H:%M:%S GMT");
    if let Ok(expires) = HeaderValue::try_from(expires.to_string()) {
        headers.insert(UPLOAD_EXPIRES, expires);
    }
    let media = upload.media.map(|media| media.to_string());
    if let Some(Ok(media)) = media.map(HeaderValue::try_from) {
        headers.insert(INKSTONE_MEDIA, media);
    }
    response
}

fn spoken(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A client that says no version is believed to speak this one.
fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(TUS_RESUMABLE) {
        Some(version) if version != VERSION => Err(ApiError::new(
            &codes::UNSUPPORTED_PROTOCOL,
            format!("uploads are spoken by tus {VERSION} here"),
        )),
        _ => Ok(()),
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let digits = value.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| {
        ApiError::new(
            &codes::INVALID_INPUT,
            format!("the header `{name}` must be a number of bytes"),
        )
    })
}

/// Pairs of a key and a value in Base64, with commas between them.
fn metadata(headers: &HeaderMap) -> Result<NewUpload, ApiError> {
    let refuse = || {
        ApiError::new(
            &codes::INVALID_INPUT,
            "the header `upload-metadata` must be pairs of a key and a value in Base64, such as `filename dGlkZS5wbmc=`",
        )
    };
    let mut new = NewUpload::default();
    let Some(value) = headers.get(UPLOAD_METADATA) else {
        return Ok(new);
    };
    let value = value.to_str().map_err(|_| refuse())?;
    for pair in value
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim()).map_err(|_| refuse())?;
        let value = String::from_utf8(value).map_err(|_| refuse())?;
        match key {
            "filename" | "name" => new.claim.name = value,
            "filetype" | "type" => new.claim.content_type = Some(value),
            "alt" => new.alt = value,
            // What else a client likes to say is not kept.
            _ => {}
        }
    }
    Ok(new)
}
