//! `/v1/me/totp`: the second factor of the signed-in user.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody};
use crate::reply::{json, no_content, ok};
use crate::state::Shared;
use crate::wire::account::{
    CodeBody, ConfirmBody, NewSecondFactorReply, RecoveryCodesReply, SecondFactorReply,
};

/// Show my second factor
#[utoipa::path(
    get, path = "/v1/me/totp", tag = "auth",
    responses((status = 200, description = "Whether sign-in asks for a code.", body = SecondFactorReply)),
)]
pub(crate) async fn show_second_factor(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let factor = state.services.auth.second_factor(&principal).await?;
    ok(&SecondFactorReply::from(factor))
}

/// Set up a second factor
///
/// Gives a secret for an authenticator app. Sign-in asks for its codes once a first one is confirmed.
#[utoipa::path(
    post, path = "/v1/me/totp", tag = "auth", request_body = ConfirmBody,
    responses(
        (status = 201, description = "The secret, shown once.", body = NewSecondFactorReply),
        (status = 409, description = "A second factor is on already.", body = crate::wire::problem::Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn begin_second_factor(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<ConfirmBody>,
) -> ApiResult {
    let auth = &state.services.auth;
    let factor = auth
        .begin_second_factor(&principal, body.value.password)
        .await?;
    json(StatusCode::CREATED, &NewSecondFactorReply::from(factor))
}

/// Turn the second factor on
///
/// With a first code of the app. The recovery codes stand in this reply and nowhere else.
#[utoipa::path(
    post, path = "/v1/me/totp/confirm", tag = "auth", request_body = CodeBody,
    responses(
        (status = 200, description = "It is on.", body = RecoveryCodesReply),
        (status = 409, description = "None was begun.", body = crate::wire::problem::Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn confirm_second_factor(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<CodeBody>,
) -> ApiResult {
    let auth = &state.services.auth;
    let recovery_codes = auth
        .confirm_second_factor(&principal, &body.value.code)
        .await?;
    ok(&RecoveryCodesReply { recovery_codes })
}

/// Turn the second factor off
///
/// Needs the password.
#[utoipa::path(
    post, path = "/v1/me/totp/disable", tag = "auth", request_body = ConfirmBody,
    responses((status = 204, description = "It is off, and its recovery codes are gone.")),
)]
pub(crate) async fn remove_second_factor(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<ConfirmBody>,
) -> ApiResult<Response> {
    let auth = &state.services.auth;
    auth.remove_second_factor(&principal, body.value.password)
        .await?;
    Ok(no_content())
}
