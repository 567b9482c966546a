//! `/v1/auth`: sign in, refresh, sign out. These and those of `signup` are the only routes under `/v1` that
//! need no token.

use axum::extract::State;
use axum::response::Response;
use inkstone_services::auth::SignIn;

use crate::error::ApiResult;
use crate::extract::{Client, JsonBody};
use crate::reply::{no_content, ok};
use crate::state::Shared;
use crate::wire::account::{LoginBody, RefreshBody, TokenReply};

/// Sign in
///
/// Gives a short-lived access token, and a refresh token for the next one. Where the account has a second
/// factor, a first call without `totp` is answered with 401 and the code `totp_required`. After too many
/// tries of one account or from one address each next one must wait longer.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", request_body = LoginBody,
    responses((status = 200, description = "Signed in.", body = TokenReply)),
)]
pub(crate) async fn login(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<LoginBody>,
) -> ApiResult {
    let LoginBody {
        email,
        password,
        totp,
    } = body.value;
    let shown = SignIn {
        email,
        password,
        totp,
        visit,
    };
    ok(&TokenReply::from(state.services.auth.login(shown).await?))
}

/// Refresh the tokens
///
/// Spends the refresh token. Sending a spent one ends the whole sign-in: somebody else may have it.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "auth", request_body = RefreshBody,
    responses((status = 200, description = "A fresh pair.", body = TokenReply)),
)]
pub(crate) async fn refresh(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<RefreshBody>,
) -> ApiResult {
    let token = &body.value.refresh_token;
    let pair = state.services.auth.refresh(token, visit).await?;
    ok(&TokenReply::from(pair))
}

/// Sign out
///
/// Ends the sign-in the refresh token belongs to.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth", request_body = RefreshBody,
    responses((status = 204, description = "Signed out, or never signed in.")),
)]
pub(crate) async fn logout(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<RefreshBody>,
) -> ApiResult<Response> {
    state
        .services
        .auth
        .logout(&body.value.refresh_token, visit)
        .await?;
    Ok(no_content())
}
