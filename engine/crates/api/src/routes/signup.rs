//! `/v1/auth`, the rest: making an account, showing that an address is one's own, forgotten passwords. What
//! is answered never tells whether an address has an account.

use axum::extract::State;
use axum::response::Response;
use inkstone_services::signup::SignupWish;

use crate::error::ApiResult;
use crate::extract::{Client, JsonBody};
use crate::reply::{accepted, no_content};
use crate::state::Shared;
use crate::wire::signup::{ForgotBody, ResetBody, SignupBody, TokenBody};

/// Sign up
///
/// With an invitation the account is there at once. Without one, where that is open to everybody, a mail
/// says how it goes on; the answer is the same where the address has an account already.
#[utoipa::path(
    post, path = "/v1/auth/signup", tag = "auth", request_body = SignupBody,
    responses(
        (status = 202, description = "It is made, or a mail is on its way."),
        (status = 403, description = "Nobody can sign up here, or only with an invitation.", body = crate::wire::problem::Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn sign_up(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<SignupBody>,
) -> ApiResult<Response> {
    let SignupBody {
        email,
        name,
        password,
        invitation,
    } = body.value;
    let wish = SignupWish {
        email,
        name,
        password,
        invitation,
        visit,
    };
    state.services.signup.sign_up(wish).await?;
    Ok(accepted())
}

/// Verify an e-mail address
///
/// With the token that was sent to it.
#[utoipa::path(
    post, path = "/v1/auth/email/verify", tag = "auth", request_body = TokenBody,
    responses((status = 204, description = "The address is verified; sign in.")),
)]
pub(crate) async fn verify_email(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<TokenBody>,
) -> ApiResult<Response> {
    state
        .services
        .signup
        .verify_email(&body.value.token, visit)
        .await?;
    Ok(no_content())
}

/// Ask for a new password
///
/// Sends a mail with a token, if the address has an account; the answer is always the same.
#[utoipa::path(
    post, path = "/v1/auth/password/forgot", tag = "auth", request_body = ForgotBody,
    responses((status = 202, description = "If the address has an account, a mail is on its way.")),
)]
pub(crate) async fn forgot_password(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<ForgotBody>,
) -> ApiResult<Response> {
    let signup = &state.services.signup;
    signup.forgot_password(&body.value.email, visit).await?;
    Ok(accepted())
}

/// Set a new password
///
/// With the token of the mail, which is good once. Ends all sessions.
#[utoipa::path(
    post, path = "/v1/auth/password/reset", tag = "auth", request_body = ResetBody,
    responses((status = 204, description = "It is set; sign in with it.")),
)]
pub(crate) async fn reset_password(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<ResetBody>,
) -> ApiResult<Response> {
    let ResetBody {
        token,
        new_password,
    } = body.value;
    let signup = &state.services.signup;
    signup.reset_password(&token, new_password, visit).await?;
    Ok(no_content())
}
