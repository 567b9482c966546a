//! `/v1/projects`: projects.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::project::Project;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathWord, QueryOf};
use crate::reply::{json, location, no_content, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::project::{NewProjectBody, ProjectPatchBody, ProjectReply};

/// Which projects.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProjectsQuery {
    /// `true` lists archived ones instead.
    #[serde(rename = "filter[archived]")]
    is_archived: Option<bool>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List projects
///
/// Those one is a member of, and `default`; all for admins. Newest first.
#[utoipa::path(
    get, path = "/v1/projects", tag = "projects", params(ProjectsQuery),
    responses((status = 200, description = "A page of projects.", body = ListReply<ProjectReply>)),
)]
pub(crate) async fn list_projects(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<ProjectsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let is_archived = query.is_archived.unwrap_or_default();
    let projects = &state.services.projects;
    let projects = projects.list(&principal, is_archived, page).await?;
    ok(&ListReply::<ProjectReply>::page(projects))
}

/// Make a project
///
/// Whoever makes it is its first owner. Needs the role creator.
#[utoipa::path(
    post, path = "/v1/projects", tag = "projects", request_body = NewProjectBody,
    responses(
        (status = 201, description = "The project.", body = ProjectReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
        (status = 409, description = "The slug is taken.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_project(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<NewProjectBody>,
) -> ApiResult {
    let projects = &state.services.projects;
    let project = projects.create(&principal, body.value.into()).await?;
    let place = location(format!("/v1/projects/{}", project.slug));
    let mut response = project_reply(StatusCode::CREATED, project)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show a project
///
/// For its members.
#[utoipa::path(
    get, path = "/v1/projects/{slug}", tag = "projects",
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The project.", body = ProjectReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_project(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    held: IfNoneMatch,
) -> ApiResult {
    let project = state.services.projects.get(&principal, &slug).await?;
    let tag = revision_tag(project.revision);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    project_reply(StatusCode::OK, project)
}

/// Change a project
///
/// For its owners. Send the `etag` you read as `if-match`, so that nobody's change is lost.
#[utoipa::path(
    patch, path = "/v1/projects/{slug}", tag = "projects", request_body = ProjectPatchBody,
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The project as it is now.", body = ProjectReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 409, description = "`default` cannot be archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_project(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    IfMatch(revision): IfMatch,
    body: JsonBody<ProjectPatchBody>,
) -> ApiResult {
    let patch = body.value.into();
    let projects = &state.services.projects;
    let project = projects.update(&principal, &slug, patch, revision).await?;
    project_reply(StatusCode::OK, project)
}

/// Archive a project
///
/// It leaves the lists, and what is in it can only be read. `PATCH` with `archived: false` brings it
/// back. For its owners.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}", tag = "projects",
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is archived.")),
    responses(
        (status = 204, description = "It is archived."),
        (status = 409, description = "`default` cannot be archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn archive_project(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    IfMatch(revision): IfMatch,
) -> ApiResult<Response> {
    let projects = &state.services.projects;
    projects.archive(&principal, &slug, revision).await?;
    Ok(no_content())
}

fn project_reply(status: StatusCode, project: Project) -> ApiResult {
    let tag = revision_tag(project.revision);
    let response = json(status, &ProjectReply::from(project))?;
    Ok(tagged(response, tag))
}
