//! `/v1/me`: the signed-in user. Sessions, second factor and API keys have files of their own.

use axum::extract::State;
use axum::response::Response;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, JsonBody};
use crate::reply::{no_content, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::account::{MeChangeBody, PasswordBody, UserReply};

/// Who am I?
#[utoipa::path(
    get, path = "/v1/me", tag = "auth",
    responses((status = 200, description = "The signed-in user.", body = UserReply)),
)]
pub(crate) async fn show_me(State(state): State<Shared>, Caller(principal): Caller) -> ApiResult {
    let user = state.services.auth.me(&principal).await?;
    let tag = revision_tag(user.revision);
    Ok(tagged(ok(&UserReply::from(user))?, tag))
}

/// Change my name
#[utoipa::path(
    patch, path = "/v1/me", tag = "auth", request_body = MeChangeBody,
    params(("if-match" = Option<String>, Header, description = "The `etag` of what is changed.")),
    responses(
        (status = 200, description = "The user as it is now.", body = UserReply),
        (status = 412, description = "It was changed since.", body = crate::wire::problem::Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_me(
    State(state): State<Shared>,
    Caller(principal): Caller,
    IfMatch(revision): IfMatch,
    body: JsonBody<MeChangeBody>,
) -> ApiResult {
    let accounts = &state.services.accounts;
    let user = accounts
        .change_me(&principal, revision, body.value.name)
        .await?;
    let tag = revision_tag(user.revision);
    Ok(tagged(ok(&UserReply::from(user))?, tag))
}

/// Change my password
///
/// Needs the present one, and ends every other session.
#[utoipa::path(
    post, path = "/v1/me/password", tag = "auth", request_body = PasswordBody,
    responses((status = 204, description = "It is changed.")),
)]
pub(crate) async fn change_password(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<PasswordBody>,
) -> ApiResult<Response> {
    let PasswordBody {
        current_password,
        new_password,
    } = body.value;
    state
        .services
        .accounts
        .change_password(&principal, current_password, new_password)
        .await?;
    Ok(no_content())
}
