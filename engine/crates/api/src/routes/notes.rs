//! `/v1/projects/{slug}/notes`: what was found, and where.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::NoteId;
use inkstone_domain::note::Note;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathWord, PathWordId, QueryOf};
use crate::reply::{json, location, no_content, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::note::{NewNoteBody, NotePatchBody, NoteReply, WholeNoteReply};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotesQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List notes
///
/// Newest first, without their texts. For members of the project; in `default` everybody has their own.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/notes", tag = "research",
    params(("slug" = String, Path, description = "Of the project."), NotesQuery),
    responses((status = 200, description = "A page of notes.", body = ListReply<NoteReply>)),
)]
pub(crate) async fn list_notes(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<NotesQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let notes = state.services.notes.list(&principal, &slug, page).await?;
    ok(&ListReply::<NoteReply>::page(notes))
}

/// Write a note
///
/// What research tools find is kept by `keep_in` of their route. For editors of the project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/notes", tag = "research", request_body = NewNoteBody,
    params(("slug" = String, Path, description = "Of the project.")),
    responses(
        (status = 201, description = "The note.", body = WholeNoteReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_note(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    body: JsonBody<NewNoteBody>,
) -> ApiResult {
    let notes = &state.services.notes;
    let note = notes.create(&principal, &slug, body.value.into()).await?;
    let place = location(format!("/v1/projects/{slug}/notes/{}", note.id));
    let mut response = shown(StatusCode::CREATED, note)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show a note
///
/// For members of the project, and its author.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/notes/{note}", tag = "research",
    params(("slug" = String, Path, description = "Of the project."),
           ("note" = String, Path, description = "`nte_…`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The note.", body = WholeNoteReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_note(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<NoteId>,
    held: IfNoneMatch,
) -> ApiResult {
    let note = state.services.notes.get(&principal, &slug, id).await?;
    let tag = revision_tag(note.revision);
    match held.holds(&tag) {
        true => Ok(tagged(not_modified(), tag)),
        false => shown(StatusCode::OK, note),
    }
}

/// Change a note
///
/// What is left out stays; what found it does, too. For its author, and editors of the project.
#[utoipa::path(
    patch, path = "/v1/projects/{slug}/notes/{note}", tag = "research", request_body = NotePatchBody,
    params(("slug" = String, Path, description = "Of the project."),
           ("note" = String, Path, description = "`nte_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The note as it is now.", body = WholeNoteReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "It was changed; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_note(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<NoteId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<NotePatchBody>,
) -> ApiResult {
    let notes = &state.services.notes;
    let patch = body.value.into();
    let note = notes.change(&principal, &slug, id, patch, revision).await?;
    shown(StatusCode::OK, note)
}

/// Delete a note
///
/// For good. For its author, and editors of the project.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}/notes/{note}", tag = "research",
    params(("slug" = String, Path, description = "Of the project."),
           ("note" = String, Path, description = "`nte_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is deleted.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "It was changed; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_note(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<NoteId>,
    IfMatch(revision): IfMatch,
) -> ApiResult<Response> {
    let notes = &state.services.notes;
    notes.delete(&principal, &slug, id, revision).await?;
    Ok(no_content())
}

fn shown(status: StatusCode, note: Note) -> ApiResult {
    let tag = revision_tag(note.revision);
    let response = json(status, &WholeNoteReply::from(note))?;
    Ok(tagged(response, tag))
}
