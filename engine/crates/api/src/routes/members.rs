//! `/v1/projects/{slug}/members`: who is in a project.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::UserId;
use inkstone_domain::project::Member;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, JsonBody, PathWord, PathWordId, QueryOf};
use crate::reply::{json, location, no_content, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::project::{MemberBody, MemberReply};

/// Which page of the members.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembersQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List members
///
/// For all members.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/members", tag = "projects",
    params(("slug" = String, Path, description = "Such as `handbook`."), MembersQuery),
    responses((status = 200, description = "A page of members.", body = ListReply<MemberReply>)),
)]
pub(crate) async fn list_members(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<MembersQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let projects = &state.services.projects;
    let members = projects.members(&principal, &slug, page).await?;
    ok(&ListReply::<MemberReply>::page(members))
}

/// Show a member
///
/// For all members.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/members/{user}", tag = "projects",
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("user" = String, Path, description = "`usr_…`")),
    responses((status = 200, description = "The member.", body = MemberReply,
        headers(("etag" = String, description = "Its revision.")))),
)]
pub(crate) async fn show_member(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, user): PathWordId<UserId>,
) -> ApiResult {
    let projects = &state.services.projects;
    let member = projects.member(&principal, &slug, user).await?;
    member_reply(StatusCode::OK, member)
}

/// Set a member
///
/// Adds somebody, or gives them another role. For owners.
#[utoipa::path(
    put, path = "/v1/projects/{slug}/members/{user}", tag = "projects", request_body = MemberBody,
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("user" = String, Path, description = "`usr_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The member as it is now.", body = MemberReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 201, description = "The new member.", body = MemberReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
        (status = 409, description = "It is the last owner, or the project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn set_member(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, user): PathWordId<UserId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<MemberBody>,
) -> ApiResult {
    let projects = &state.services.projects;
    let role = body.value.role.into();
    let (member, is_new) = projects
        .set_member(&principal, &slug, user, role, revision)
        .await?;
    if !is_new {
        return member_reply(StatusCode::OK, member);
    }
    let place = location(format!("/v1/projects/{slug}/members/{user}"));
    let mut response = member_reply(StatusCode::CREATED, member)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Remove a member
///
/// For owners; and everybody may leave, but for the last owner.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}/members/{user}", tag = "projects",
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("user" = String, Path, description = "`usr_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is removed.")),
    responses(
        (status = 204, description = "They are no member."),
        (status = 409, description = "It is the last owner.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove_member(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, user): PathWordId<UserId>,
    IfMatch(revision): IfMatch,
) -> ApiResult<Response> {
    let projects = &state.services.projects;
    projects
        .remove_member(&principal, &slug, user, revision)
        .await?;
    Ok(no_content())
}

fn member_reply(status: StatusCode, member: Member) -> ApiResult {
    let tag = revision_tag(member.revision);
    let response = json(status, &MemberReply::from(member))?;
    Ok(tagged(response, tag))
}
