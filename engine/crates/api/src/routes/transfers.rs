//! `/v1/projects/{slug}/imports` and `/export`: articles in and out, as files.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::stream::{self, StreamExt};
use inkstone_domain::content::Status;
use inkstone_domain::ids::ImportId;
use inkstone_domain::principal::Principal;
use inkstone_domain::transfer::{Import, ReportLine};
use inkstone_domain::{FieldError, Result, codes};
use inkstone_services::transfer::{ExportWish, NewImport};
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::ExportWord;
use crate::error::{ApiError, ApiResult, invalid_fields};
use crate::extract::{
    Caller, IfNoneMatch, PathWord, PathWordId, QueryOf, bytes_of, bytes_of_field, form_of,
    not_a_form, type_of,
};
use crate::reply::{json, location, not_modified, ok, revision_tag, streamed, tagged};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::transfer::{
    FormatWord, ImportForm, ImportReply, OnConflictWord, csv_lines, json_lines,
};

/// How a file is taken in.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    #[param(inline)]
    format: FormatWord,
    /// Write nothing but the report, which is the same.
    dry_run: Option<bool>,
    /// `skip` where it is left out.
    #[param(inline)]
    on_conflict: Option<OnConflictWord>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How a report is written.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// `jsonl` where it is left out, or `csv`.
    #[param(inline)]
    format: Option<ExportWord>,
    /// Lines after this number only: what came since.
    after: Option<u64>,
}

/// What is given out, and how.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProjectExportQuery {
    #[param(inline)]
    format: FormatWord,
    /// Such as `published`.
    #[serde(rename = "filter[status]")]
    status: Option<String>,
    #[serde(rename = "filter[tag]")]
    tag: Option<String>,
    /// BCP 47.
    #[serde(rename = "filter[language]")]
    language: Option<String>,
}

/// Import a file
///
/// The body is the file, or a form with the file as its field `file`. It is kept and taken in in the background; the reply says where to look. For
/// editors of the project, and for owners where it is an archive.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/imports", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."), ImportQuery),
    request_body(description = "The file; an empty one has nothing to import.",
        content((Option<String> = "application/octet-stream"), (ImportForm = "multipart/form-data"))),
    responses(
        (status = 202, description = "The import, queued.", body = ImportReply,
         headers(("location" = String, description = "Where it is."))),
        (status = 409, description = "The project is archived, ten imports of yours have not ended, or this engine does none.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The file is too long.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn import_file(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<ImportQuery>,
    request: Request,
) -> ApiResult {
    let new = NewImport {
        format: query.format.into(),
        on_conflict: query.on_conflict.unwrap_or_default().into(),
        dry_run: query.dry_run.unwrap_or_default(),
    };
    let transfers = &state.services.transfers;
    let (parts, body) = request.into_parts();
    let is_form = type_of(&parts.headers)
        .is_some_and(|sent| sent.to_ascii_lowercase().starts_with("multipart/form-data"));
    let import = match is_form {
        false => {
            transfers
                .import(&principal, &slug, new, bytes_of(body))
                .await?
        }
        true => {
            transfers.may_import(&principal, &slug, new.format).await?;
            let mut form = form_of(&parts.headers, body)?;
            let field = form.next_field().await.map_err(not_a_form)?;
            let field = field.filter(|field| field.name() == Some("file"));
            let field = field.ok_or_else(|| {
                let message =
                    "the form has no field `file` as its first; the rest stands in the query";
                ApiError::new(&codes::INVALID_INPUT, message)
            })?;
            let bytes = bytes_of_field(field);
            transfers.import(&principal, &slug, new, bytes).await?
        }
    };
    let place = location(format!("/v1/projects/{slug}/imports/{}", import.id));
    let mut response = json(StatusCode::ACCEPTED, &ImportReply::from(import))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// List imports
///
/// Newest first. For editors of the project; in `default` everybody sees their own.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/imports", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."), ImportsQuery),
    responses((status = 200, description = "A page of imports.", body = ListReply<ImportReply>)),
)]
pub(crate) async fn list_imports(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<ImportsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let imports = state.services.transfers.list(&principal, &slug, page);
    ok(&ListReply::<ImportReply>::page(imports.await?))
}

/// Show an import
///
/// How far it is, and how many entries came to what. For the same as the list.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/imports/{id}", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`imp_…`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The import.", body = ImportReply,
         headers(("etag" = String, description = "How far it is."))),
        (status = 304, description = "Nothing has happened since."),
    ),
)]
pub(crate) async fn show_import(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ImportId>,
    held: IfNoneMatch,
) -> ApiResult {
    let import = state.services.transfers.get(&principal, &slug, id).await?;
    let tag = tag_of(&import);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    let response = json(StatusCode::OK, &ImportReply::from(import))?;
    Ok(tagged(response, tag))
}

/// Cancel an import
///
/// It ends where it is; what it has written stays. For the same as the list.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}/imports/{id}", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`imp_…`")),
    responses(
        (status = 200, description = "The import as it ended.", body = ImportReply),
        (status = 409, description = "It has ended.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel_import(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ImportId>,
) -> ApiResult {
    let ended = state
        .services
        .transfers
        .cancel(&principal, &slug, id)
        .await?;
    ok(&ImportReply::from(ended))
}

/// Read the report of an import
///
/// What became of each entry so far, one a line. For the same as the list.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/imports/{id}/report", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`imp_…`"), ReportQuery),
    responses((status = 200, description = "The lines.",
        content((String = "application/jsonl"), (String = "text/csv")))),
)]
pub(crate) async fn read_report(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ImportId>,
    QueryOf(query): QueryOf<ReportQuery>,
) -> ApiResult<Response> {
    let format = query.format.unwrap_or_default();
    let after = query.after.unwrap_or_default();
    let transfers = &state.services.transfers;
    // The first lines are read before the status is sent, so that a refusal is one.
    let first = transfers.report(&principal, &slug, id, after).await?;
    let batches = batches(state.clone(), principal, slug, id, first);
    let mut is_first = true;
    let lines = batches.map(move |batch| {
        let lines = match format {
            ExportWord::Jsonl => json_lines(batch?),
            ExportWord::Csv => csv_lines(batch?, std::mem::take(&mut is_first)),
        };
        lines.map(Bytes::from)
    });
    let (media_type, file_name) = match format {
        ExportWord::Jsonl => ("application/jsonl", "report.jsonl"),
        ExportWord::Csv => ("text/csv; charset=utf-8", "report.csv"),
    };
    Ok(attachment(streamed(lines), media_type, file_name))
}

/// Batch after batch, each read when the one before has gone out. An error ends the body early.
fn batches(
    state: Shared,
    principal: Principal,
    slug: String,
    id: ImportId,
    first: Vec<ReportLine>,
) -> impl stream::Stream<Item = Result<Vec<ReportLine>>> + Send {
    let last = first.last().map(|line| line.number);
    let rest = stream::unfold(last, move |after| {
        let (state, principal, slug) = (state.clone(), principal.clone(), slug.clone());
        async move {
            let transfers = &state.services.transfers;
            match transfers.report(&principal, &slug, id, after?).await {
                Ok(batch) => {
                    let last = batch.last()?.number;
                    Some((Ok(batch), Some(last)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    stream::once(async move { Ok(first) }).chain(rest)
}

/// Export a project
///
/// Its articles in one file, written while it is read. The same articles make the same file, so one that
/// broke off can be asked for again. For editors of the project, and for owners where it is the archive;
/// in `default` everybody gets their own.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/export", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."), ProjectExportQuery),
    responses((status = 200, description = "The file.",
        content((String = "application/zip"), (String = "application/jsonl"), (String = "application/rss+xml")))),
)]
pub(crate) async fn export_project(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<ProjectExportQuery>,
) -> ApiResult<Response> {
    let wish = ExportWish {
        format: query.format.into(),
        status: query
            .status
            .as_deref()
            .map(|word| status_of("?filter[status]", word))
            .transpose()?,
        tag: query.tag,
        language: query.language,
    };
    let transfers = &state.services.transfers;
    let export = transfers.export(&principal, &slug, wish).await?;
    let body = streamed(export.body);
    Ok(attachment(body, export.media_type, &export.file_name))
}

/// `pointer` says where the word stands.
pub(super) fn status_of(pointer: &str, word: &str) -> Result<Status> {
    Status::named(word).ok_or_else(|| {
        let words = Status::ALL.map(Status::as_str).join("`, `");
        let field = FieldError {
            pointer: pointer.to_owned(),
            detail: format!("must be one of `{words}`"),
        };
        invalid_fields("the status is none that an article has", vec![field])
    })
}

/// `file_name` is plain ASCII.
fn attachment(body: Body, media_type: &'static str, file_name: &str) -> Response {
    let mut response = Response::new(body);
    let disposition = format!("attachment; filename=\"{file_name}\"");
    let disposition = HeaderValue::try_from(disposition)
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_DISPOSITION, disposition);
    response
}

/// Rises with every line, and once more at the end.
fn tag_of(import: &Import) -> HeaderValue {
    revision_tag(import.position * 2 + u64::from(import.status.is_final()))
}
