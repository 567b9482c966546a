//! `/v1/me/sessions`: where the user is signed in.

use axum::extract::State;
use axum::response::Response;
use inkstone_domain::ids::SessionId;

use crate::error::ApiResult;
use crate::extract::{Caller, PathId};
use crate::reply::{no_content, ok};
use crate::state::Shared;
use crate::wire::account::SessionReply;
use crate::wire::page::ListReply;

/// List my sessions
///
/// Where the user is signed in, newest sign-in first.
#[utoipa::path(
    get, path = "/v1/me/sessions", tag = "auth",
    responses((status = 200, description = "All sign-ins that go on.", body = ListReply<SessionReply>)),
)]
pub(crate) async fn list_sessions(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let sessions = state.services.accounts.sessions(&principal).await?;
    ok(&ListReply::<SessionReply>::whole(sessions))
}

/// Sign out elsewhere
///
/// Ends all sessions but the one this request comes from.
#[utoipa::path(
    delete, path = "/v1/me/sessions", tag = "auth",
    responses((status = 204, description = "They are ended.")),
)]
pub(crate) async fn end_other_sessions(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult<Response> {
    let accounts = &state.services.accounts;
    accounts.end_other_sessions(&principal).await?;
    Ok(no_content())
}

/// End a session
#[utoipa::path(
    delete, path = "/v1/me/sessions/{id}", tag = "auth", params(("id" = String, Path, description = "`ses_…`")),
    responses((status = 204, description = "It is ended.")),
)]
pub(crate) async fn end_session(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<SessionId>,
) -> ApiResult<Response> {
    state.services.accounts.end_session(&principal, id).await?;
    Ok(no_content())
}
