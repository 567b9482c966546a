//! `/v1/me/identities`: who the signed-in user is at other issuers.

use axum::extract::State;
use axum::response::Response;

use super::oidc::with_cookie;
use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathWord};
use crate::reply::{no_content, ok};
use crate::state::Shared;
use crate::wire::oidc::{DepartureReply, IdentityReply, LinkIdentityBody};
use crate::wire::page::ListReply;
use crate::wire::problem::Problem;

/// List my identities
///
/// Who the user is at other issuers.
#[utoipa::path(
    get, path = "/v1/me/identities", tag = "auth",
    responses((status = 200, description = "All that are linked.", body = ListReply<IdentityReply>)),
)]
pub(crate) async fn list_identities(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let identities = state.services.oidc.identities(&principal).await?;
    ok(&ListReply::<IdentityReply>::whole(identities))
}

/// Link an identity
///
/// The reply sets a cookie and names the address the browser is to be sent to; what comes back is linked to
/// the user. Needs the password where they have one.
#[utoipa::path(
    post, path = "/v1/me/identities/{issuer}/start", tag = "auth", request_body = LinkIdentityBody,
    params(("issuer" = String, Path, description = "The issuer's short word.")),
    responses((status = 200, description = "Where to send the browser.", body = DepartureReply)),
)]
pub(crate) async fn start_linking(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(issuer): PathWord,
    body: JsonBody<LinkIdentityBody>,
) -> ApiResult {
    let LinkIdentityBody {
        password,
        return_to,
    } = body.value;
    let oidc = &state.services.oidc;
    let departure = oidc
        .start_linking(&principal, &issuer, return_to.as_deref(), password)
        .await?;
    let reply = ok(&DepartureReply { url: departure.url })?;
    with_cookie(reply, &departure.cookie)
}

/// Unlink an identity
///
/// Never the last way into the account.
#[utoipa::path(
    delete, path = "/v1/me/identities/{issuer}", tag = "auth",
    params(("issuer" = String, Path, description = "The issuer's short word.")),
    responses(
        (status = 204, description = "It is linked no more."),
        (status = 409, description = "It is the last way in.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn unlink_identity(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(issuer): PathWord,
) -> ApiResult<Response> {
    state.services.oidc.unlink(&principal, &issuer).await?;
    Ok(no_content())
}
