//! `/v1/projects/{slug}/search-settings`: what a project says about words.

use axum::extract::State;
use axum::http::StatusCode;
use inkstone_domain::search::SearchSettings;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathWord};
use crate::reply::{json, not_modified, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::problem::Problem;
use crate::wire::search_settings::{SearchSettingsBody, SearchSettingsReply};

/// Show how a project is searched
///
/// Its stop words and synonyms. For its members.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/search-settings", tag = "search",
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The settings.", body = SearchSettingsReply,
         headers(("etag" = String, description = "Their revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_search_settings(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    held: IfNoneMatch,
) -> ApiResult {
    let settings = state
        .services
        .search
        .lexicons
        .settings(&principal, &slug)
        .await?;
    let tag = revision_tag(settings.revision);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    settings_reply(settings)
}

/// Choose how a project is searched
///
/// Replaces its stop words and synonyms. They hold at once, for members' searches with `filter[project]`; nothing is indexed
/// anew. For its editors.
#[utoipa::path(
    put, path = "/v1/projects/{slug}/search-settings", tag = "search", request_body = SearchSettingsBody,
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The settings as they are now.", body = SearchSettingsReply,
         headers(("etag" = String, description = "Their revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed them; read them again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replace_search_settings(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    IfMatch(revision): IfMatch,
    body: JsonBody<SearchSettingsBody>,
) -> ApiResult {
    let lexicons = &state.services.search.lexicons;
    let settings = lexicons.replace(&principal, &slug, body.value.into(), revision);
    settings_reply(settings.await?)
}

fn settings_reply(settings: SearchSettings) -> ApiResult {
    let tag = revision_tag(settings.revision);
    let response = json(StatusCode::OK, &SearchSettingsReply::from(settings))?;
    Ok(tagged(response, tag))
}
