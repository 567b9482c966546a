//! `/v1/users`: everybody's accounts, for admins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use inkstone_domain::ids::UserId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathId, QueryOf};
use crate::reply::{json, location, no_content, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::account::{NewUserBody, UserChangeBody, UserReply};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;

/// Which users.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// 1 to 100, 20 where it is left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// `next_cursor` of the last page.
    cursor: Option<String>,
}

/// List users
///
/// Newest first. For admins.
#[utoipa::path(
    get, path = "/v1/users", tag = "users", params(UsersQuery),
    responses((status = 200, description = "A page of users.", body = ListReply<UserReply>)),
)]
pub(crate) async fn list_users(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<UsersQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let users = state.services.accounts.list_users(&principal, page).await?;
    ok(&ListReply::<UserReply>::page(users))
}

/// Make a user
///
/// Whose address the admin vouches for. For admins.
#[utoipa::path(
    post, path = "/v1/users", tag = "users", request_body = NewUserBody,
    responses(
        (status = 201, description = "The user.", body = UserReply,
            headers(("location" = String, description = "Where it is."))),
        (status = 409, description = "The address is taken.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_user(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<NewUserBody>,
) -> ApiResult {
    let wish = body.value.into_domain()?;
    let user = state
        .services
        .accounts
        .create_user(&principal, wish)
        .await?;
    let place = location(format!("/v1/users/{}", user.id));
    let tag = revision_tag(user.revision);
    let mut response = json(StatusCode::CREATED, &UserReply::from(user))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(tagged(response, tag))
}

/// Show a user
///
/// For admins.
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "`usr_…`"), ("if-none-match" = Option<String>, Header, description = "The `etag` one has.")),
    responses(
        (status = 200, description = "The user.", body = UserReply),
        (status = 304, description = "It is as it was."),
    ),
)]
pub(crate) async fn show_user(
    State(state): State<Shared>,
    Caller(principal): Caller,
    held: IfNoneMatch,
    PathId(id): PathId<UserId>,
) -> ApiResult {
    let user = state.services.accounts.show_user(&principal, id).await?;
    let tag = revision_tag(user.revision);
    match held.holds(&tag) {
        true => Ok(tagged(not_modified(), tag)),
        false => Ok(tagged(ok(&UserReply::from(user))?, tag)),
    }
}

/// Change a user
///
/// Name, role, and whether they may sign in. Disabling ends all their sessions and keys. For admins, who
/// cannot take their own role away.
#[utoipa::path(
    patch, path = "/v1/users/{id}", tag = "users", request_body = UserChangeBody,
    params(("id" = String, Path, description = "`usr_…`"), ("if-match" = Option<String>, Header, description = "The `etag` of what is changed.")),
    responses(
        (status = 200, description = "The user as it is now.", body = UserReply),
        (status = 409, description = "It is the admin's own role.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "It was changed since.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_user(
    State(state): State<Shared>,
    Caller(principal): Caller,
    IfMatch(revision): IfMatch,
    PathId(id): PathId<UserId>,
    body: JsonBody<UserChangeBody>,
) -> ApiResult {
    let accounts = &state.services.accounts;
    let user = accounts
        .change_user(&principal, id, revision, body.value.into())
        .await?;
    let tag = revision_tag(user.revision);
    Ok(tagged(ok(&UserReply::from(user))?, tag))
}

/// Take a lost second factor away
///
/// The user signs in without a code then, and gets a mail that says so. For admins, and not for their own.
#[utoipa::path(
    delete, path = "/v1/users/{id}/second-factor", tag = "users",
    params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 204, description = "It is off."),
        (status = 409, description = "It is the admin's own.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn take_second_factor(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<UserId>,
) -> ApiResult {
    let signup = &state.services.signup;
    signup.take_second_factor(&principal, id).await?;
    Ok(no_content())
}
