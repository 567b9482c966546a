//! `/v1/projects/{slug}/exports`: files of whole projects that are written in the background, and read by a
//! link that expires. Those that are written while they are read stand in `transfers`.

use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, LOCATION,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use inkstone_domain::codes;
use inkstone_domain::ids::JobId;
use inkstone_services::transfer::{BackgroundExport, ExportLink, ExportWish};
use serde::Deserialize;
use utoipa::IntoParams;

use super::media_content::{ascii, disposition, unsatisfiable, wanted_range};
use super::transfers::status_of;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Caller, JsonBody, PathWord, PathWordId, QueryOf};
use crate::reply::{json, location, ok, streamed};
use crate::state::Shared;
use crate::wire::problem::Problem;
use crate::wire::transfer::{ExportBody, ExportReply};

/// What proves a link.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportLinkQuery {
    /// Of a link, Unix seconds.
    expires: Option<i64>,
    /// Of a link.
    signature: Option<String>,
}

/// Export a project in the background
///
/// For what takes longer than a client waits. The file is written by a job and kept for 23 hours. For the
/// same as `GET …/export`.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/exports", tag = "projects", request_body = ExportBody,
    params(("slug" = String, Path, description = "Of the project.")),
    responses((status = 202, description = "The export, queued.", body = ExportReply,
        headers(("location" = String, description = "Where it is.")))),
)]
pub(crate) async fn begin_export(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    body: JsonBody<ExportBody>,
) -> ApiResult {
    let body = body.value;
    let wish = ExportWish {
        format: body.format.into(),
        status: body
            .status
            .as_deref()
            .map(|word| status_of("/status", word))
            .transpose()?,
        tag: body.tag,
        language: body.language,
    };
    let transfers = &state.services.transfers;
    let export = transfers.begin_export(&principal, &slug, wish).await?;
    let place = location(format!("/v1/projects/{slug}/exports/{}", export.job.id));
    let mut response = json(StatusCode::ACCEPTED, &reply(&state, &slug, export))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show an export
///
/// How far it is, and once it is written a link to its file, a new one each time. For who asked for it.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/exports/{id}", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`job_…`")),
    responses((status = 200, description = "The export.", body = ExportReply)),
)]
pub(crate) async fn show_export(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<JobId>,
) -> ApiResult {
    let transfers = &state.services.transfers;
    let export = transfers.background_export(&principal, &slug, id).await?;
    ok(&reply(&state, &slug, export))
}

/// Read the file of an export
///
/// All of it, or a part with `range`. For who asked for it, and with a link for everybody.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/exports/{id}/content", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`job_…`"), ExportLinkQuery,
           ("range" = Option<String>, Header, description = "One part, such as `bytes=0-1023`.")),
    responses(
        (status = 200, description = "The bytes.", content_type = "*/*",
         headers(("etag" = String, description = "Of these bytes."))),
        (status = 206, description = "A part of them.", content_type = "*/*"),
        (status = 416, description = "There is no such part.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn read_export(
    State(state): State<Shared>,
    caller: Result<Caller, ApiError>,
    PathWordId(slug, job): PathWordId<JobId>,
    QueryOf(query): QueryOf<ExportLinkQuery>,
    headers: HeaderMap,
) -> ApiResult {
    let transfers = &state.services.transfers;
    let open = match (query.expires, query.signature) {
        (None, None) => {
            let Caller(principal) = caller?;
            transfers.own_export(&principal, &slug, job).await?
        }
        (Some(expires), Some(signature)) => {
            let link = ExportLink {
                job,
                expires,
                signature,
            };
            transfers.linked_export(&link).await?
        }
        _ => {
            let message = "the link is not whole; it has `expires` and `signature`";
            return Err(ApiError::new(&codes::INVALID_LINK, message));
        }
    };
    let size_bytes = open.file.size_bytes;
    let tag = ascii(&format!("\"{}\"", open.file.sha256));
    let range = match wanted_range(&headers, &tag, size_bytes) {
        Ok(range) => range,
        Err(()) => return Ok(unsatisfiable(size_bytes)),
    };
    let blob = transfers.open_export(&open, range.clone()).await?;
    let mut response = Response::new(streamed(blob.bytes));
    if range.is_some() {
        let last = blob.range.end.saturating_sub(1);
        let part = format!("bytes {}-{last}/{size_bytes}", blob.range.start);
        response.headers_mut().insert(CONTENT_RANGE, ascii(&part));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let length = blob.range.end - blob.range.start;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_TYPE, ascii(&open.file.media_type));
    headers.insert(CONTENT_DISPOSITION, disposition(&open.file.file_name, true));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(ETAG, tag);
    Ok(response)
}

fn reply(state: &Shared, slug: &str, export: BackgroundExport) -> ExportReply {
    ExportReply::of(export, |link| {
        format!(
            "{}/v1/projects/{slug}/exports/{}/content?expires={}&signature={}",
            state.config.public_url, link.job, link.expires, link.signature
        )
    })
}
