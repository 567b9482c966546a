//! `/v1/schedules`: generations that are asked for again and again, or once at a set time.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::{ScheduleId, UserId};
use inkstone_domain::schedule::{Schedule, ScheduleFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, JsonBody, PathId, QueryOf};
use crate::reply::{json, location, no_content, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::schedule::{ScheduleBody, SchedulePatchBody, ScheduleReply, ScheduleRunReply};

/// Which schedules.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SchedulesQuery {
    /// Slug of a project.
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    /// `usr_…`; all others see their own alone.
    #[serde(rename = "filter[owner]")]
    #[param(value_type = Option<String>)]
    owner: Option<UserId>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScheduleRunsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List schedules
///
/// Newest first; one's own, and for admins everybody's.
#[utoipa::path(
    get, path = "/v1/schedules", tag = "generation", params(SchedulesQuery),
    responses((status = 200, description = "A page of schedules.", body = ListReply<ScheduleReply>)),
)]
pub(crate) async fn list_schedules(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<SchedulesQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let filter = ScheduleFilter {
        owner: query.owner,
        project: query.project,
    };
    let schedules = &state.services.schedules;
    let found = schedules.list(&principal, filter, page).await?;
    ok(&ListReply::<ScheduleReply>::page(found))
}

/// Make a schedule
///
/// Its job is queued at each of its times, in the name of whoever made it. What could not be queued now is refused
/// at once: it needs what starting the generation needs. At most 100.
#[utoipa::path(
    post, path = "/v1/schedules", tag = "generation", request_body = ScheduleBody,
    responses(
        (status = 201, description = "The schedule.", body = ScheduleReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
        (status = 404, description = "There is no such generator, template or project.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The project is archived, or there are 100 already.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_schedule(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<ScheduleBody>,
) -> ApiResult {
    let new = body.value.into_domain();
    let schedule = state.services.schedules.create(&principal, new).await?;
    let place = location(format!("/v1/schedules/{}", schedule.id));
    let mut response = schedule_reply(StatusCode::CREATED, schedule)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show a schedule
#[utoipa::path(
    get, path = "/v1/schedules/{id}", tag = "generation",
    params(("id" = String, Path, description = "`sch_…`")),
    responses((status = 200, description = "The schedule.", body = ScheduleReply,
        headers(("etag" = String, description = "Its revision.")))),
)]
pub(crate) async fn show_schedule(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ScheduleId>,
) -> ApiResult {
    let schedule = state.services.schedules.get(&principal, id).await?;
    schedule_reply(StatusCode::OK, schedule)
}

/// Change a schedule
///
/// Its generator, template and project stay. One that goes on, or gets another time, is planned from now on.
#[utoipa::path(
    patch, path = "/v1/schedules/{id}", tag = "generation", request_body = SchedulePatchBody,
    params(("id" = String, Path, description = "`sch_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The schedule as it is now.", body = ScheduleReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 412, description = "It was changed or has run meanwhile; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_schedule(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ScheduleId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<SchedulePatchBody>,
) -> ApiResult {
    let patch = body.value.into();
    let schedules = &state.services.schedules;
    let schedule = schedules.update(&principal, id, patch, revision).await?;
    schedule_reply(StatusCode::OK, schedule)
}

/// Remove a schedule
///
/// With the list of its runs. Jobs that it has queued stay.
#[utoipa::path(
    delete, path = "/v1/schedules/{id}", tag = "generation",
    params(("id" = String, Path, description = "`sch_…`")),
    responses((status = 204, description = "There is no such schedule.")),
)]
pub(crate) async fn remove_schedule(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ScheduleId>,
) -> ApiResult<Response> {
    state.services.schedules.remove(&principal, id).await?;
    Ok(no_content())
}

/// Run a schedule now
///
/// Beside its times, and also while it is paused.
#[utoipa::path(
    post, path = "/v1/schedules/{id}/run", tag = "generation",
    params(("id" = String, Path, description = "`sch_…`")),
    responses(
        (status = 202, description = "Its job was queued.", body = ScheduleRunReply,
         headers(("location" = String, description = "Where the job is."))),
    ),
)]
pub(crate) async fn run_schedule(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ScheduleId>,
) -> ApiResult {
    let run = state.services.schedules.run_now(&principal, id).await?;
    let place = location(format!("/v1/jobs/{}", run.id.job()));
    let mut response = json(StatusCode::ACCEPTED, &ScheduleRunReply::from(run))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// List the runs of a schedule
///
/// What became of its times, newest first. The newest 200 are kept.
#[utoipa::path(
    get, path = "/v1/schedules/{id}/runs", tag = "generation",
    params(("id" = String, Path, description = "`sch_…`"), ScheduleRunsQuery),
    responses((status = 200, description = "A page of runs, with their jobs.", body = ListReply<ScheduleRunReply>)),
)]
pub(crate) async fn list_schedule_runs(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ScheduleId>,
    QueryOf(query): QueryOf<ScheduleRunsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let runs = state.services.schedules.runs(&principal, id, page).await?;
    ok(&ListReply::<ScheduleRunReply>::page(runs))
}

fn schedule_reply(status: StatusCode, schedule: Schedule) -> ApiResult {
    let tag = revision_tag(schedule.revision);
    let response = json(status, &ScheduleReply::from(schedule))?;
    Ok(tagged(response, tag))
}
