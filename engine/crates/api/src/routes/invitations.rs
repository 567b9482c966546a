//! `/v1/invitations`: who may sign up, for admins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::InvitationId;
use inkstone_services::signup::InvitationWish;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathId, QueryOf};
use crate::reply::{json, location, no_content, ok};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::signup::{InvitationBody, InvitationReply};

/// Which invitations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationsQuery {
    /// 1 to 100, 20 where it is left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// `next_cursor` of the last page.
    cursor: Option<String>,
}

/// List invitations
///
/// Those that were not used, newest first. For admins.
#[utoipa::path(
    get, path = "/v1/invitations", tag = "users", params(InvitationsQuery),
    responses((status = 200, description = "A page of invitations.", body = ListReply<InvitationReply>)),
)]
pub(crate) async fn list_invitations(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<InvitationsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let invitations = state.services.signup.invitations(&principal, page).await?;
    ok(&ListReply::<InvitationReply>::page(invitations))
}

/// Invite somebody
///
/// Sends a mail with a token to sign up with; an older one to the same address holds no longer. For admins.
#[utoipa::path(
    post, path = "/v1/invitations", tag = "users", request_body = InvitationBody,
    responses(
        (status = 201, description = "The invitation.", body = InvitationReply,
            headers(("location" = String, description = "Where it is taken back."))),
        (status = 409, description = "The address has an account, or sign-up is off.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn invite(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<InvitationBody>,
) -> ApiResult {
    let InvitationBody { email, role } = body.value;
    let wish = InvitationWish {
        email,
        role: role.into(),
    };
    let invitation = state.services.signup.invite(&principal, wish).await?;
    let place = location(format!("/v1/invitations/{}", invitation.id));
    let mut response = json(StatusCode::CREATED, &InvitationReply::from(invitation))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Take an invitation back
///
/// For admins.
#[utoipa::path(
    delete, path = "/v1/invitations/{id}", tag = "users", params(("id" = String, Path, description = "`inv_…`")),
    responses((status = 204, description = "Its token holds no longer.")),
)]
pub(crate) async fn withdraw_invitation(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<InvitationId>,
) -> ApiResult<Response> {
    state.services.signup.withdraw(&principal, id).await?;
    Ok(no_content())
}
