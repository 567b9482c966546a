//! `/v1/me`: the signed-in user.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::Caller;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::account::UserReply;

/// Who am I?
#[utoipa::path(
    get, path = "/v1/me", tag = "auth",
    responses((status = 200, description = "The signed-in user.", body = UserReply)),
)]
pub(crate) async fn show_me(State(state): State<Shared>, Caller(principal): Caller) -> ApiResult {
    let user = state.services.auth.me(&principal).await?;
    ok(&UserReply::from(user))
}
