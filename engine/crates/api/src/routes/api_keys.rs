//! `/v1/me/api-keys`: tokens that act for the user within scopes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::ApiKeyId;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathId};
use crate::reply::{json, location, no_content, ok};
use crate::state::Shared;
use crate::wire::account::{ApiKeyBody, ApiKeyReply, NewApiKeyReply};
use crate::wire::page::ListReply;

/// List my API keys
///
/// Newest first, expired ones too.
#[utoipa::path(
    get, path = "/v1/me/api-keys", tag = "auth",
    responses((status = 200, description = "All of one's own.", body = ListReply<ApiKeyReply>)),
)]
pub(crate) async fn list_api_keys(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let keys = state.services.api_keys.list(&principal);
    ok(&ListReply::<ApiKeyReply>::whole(keys))
}

/// Make an API key
///
/// Its token stands in this reply and nowhere else. It can do what its scopes say, and never more than
/// its owner.
#[utoipa::path(
    post, path = "/v1/me/api-keys", tag = "auth", request_body = ApiKeyBody,
    responses((status = 201, description = "The key, with its token.", body = NewApiKeyReply,
        headers(("location" = String, description = "Where it is removed.")))),
)]
pub(crate) async fn create_api_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<ApiKeyBody>,
) -> ApiResult {
    let wish = body.value.into_domain()?;
    let (key, token) = state.services.api_keys.create(&principal, wish).await?;
    let place = location(format!("/v1/me/api-keys/{}", key.id));
    let reply = NewApiKeyReply {
        token,
        key: key.into(),
    };
    let mut response = json(StatusCode::CREATED, &reply)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Remove an API key
///
/// At once and for good.
#[utoipa::path(
    delete, path = "/v1/me/api-keys/{id}", tag = "auth", params(("id" = String, Path, description = "`apk_…`")),
    responses((status = 204, description = "It is removed.")),
)]
pub(crate) async fn remove_api_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ApiKeyId>,
) -> ApiResult<Response> {
    state.services.api_keys.remove(&principal, id).await?;
    Ok(no_content())
}
