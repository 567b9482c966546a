//! `/v1/searches`: searches that people keep, each their own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::SavedSearchId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathId, QueryOf};
use crate::reply::{json, location, no_content, ok};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::saved_search::{SavedSearchBody, SavedSearchReply};

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SavedSearchesQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List your saved searches
///
/// Newest first.
#[utoipa::path(
    get, path = "/v1/searches", tag = "search", params(SavedSearchesQuery),
    responses((status = 200, description = "A page of searches.", body = ListReply<SavedSearchReply>)),
)]
pub(crate) async fn list_saved_searches(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<SavedSearchesQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let searches = state.services.search.saved.list(&principal, page).await?;
    ok(&ListReply::<SavedSearchReply>::page(searches))
}

/// Save a search
///
/// With `alert`, what is written from now on and matches is told as a notification, each document once. At most 50.
#[utoipa::path(
    post, path = "/v1/searches", tag = "search", request_body = SavedSearchBody,
    responses(
        (status = 201, description = "The search.", body = SavedSearchReply,
         headers(("location" = String, description = "Where it is."))),
        (status = 409, description = "There are 50 already.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn save_search(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<SavedSearchBody>,
) -> ApiResult {
    let new = body.value.checked()?;
    let search = state.services.search.saved.create(&principal, new).await?;
    let place = location(format!("/v1/searches/{}", search.id));
    let mut response = json(StatusCode::CREATED, &SavedSearchReply::from(search))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show a saved search
#[utoipa::path(
    get, path = "/v1/searches/{id}", tag = "search",
    params(("id" = String, Path, description = "Such as `srh_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P`.")),
    responses((status = 200, description = "The search.", body = SavedSearchReply)),
)]
pub(crate) async fn show_saved_search(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<SavedSearchId>,
) -> ApiResult {
    let search = state.services.search.saved.get(&principal, id).await?;
    ok(&SavedSearchReply::from(search))
}

/// Remove a saved search
///
/// It tells of nothing any more; what it told of stays.
#[utoipa::path(
    delete, path = "/v1/searches/{id}", tag = "search",
    params(("id" = String, Path, description = "Such as `srh_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P`.")),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn remove_saved_search(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<SavedSearchId>,
) -> ApiResult<Response> {
    let searches = &state.services.search.saved;
    searches.remove(&principal, id).await?;
    Ok(no_content())
}
