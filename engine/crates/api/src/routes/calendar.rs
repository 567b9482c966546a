//! `/v1/calendar`: what is planned in a project, day by day, and plans for it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use chrono::NaiveDate;
use inkstone_services::calendar::CalendarRange;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, QueryOf};
use crate::reply::{json, location, ok};
use crate::state::Shared;
use crate::wire::calendar::{CalendarReply, PlanBody, PlanReply};
use crate::wire::problem::Problem;

/// Which days.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CalendarQuery {
    /// Slug of a project; `default` where it is left out.
    project: Option<String>,
    /// The first day, such as `2026-03-01`.
    from: NaiveDate,
    /// The last day; at most 366 in all.
    to: NaiveDate,
    /// Whose days, a name of the IANA database; `UTC` where it is left out.
    #[param(min_length = 1, example = "Europe/Berlin")]
    time_zone: Option<String>,
}

/// Show the calendar of a project
///
/// Articles that are scheduled and published, as far as they may be read; and of one's own, for admins of everybody's,
/// the runs of schedules to come and the generations that are queued.
#[utoipa::path(
    get, path = "/v1/calendar", tag = "generation", params(CalendarQuery),
    responses(
        (status = 200, description = "The days on which there is something, in order.", body = CalendarReply),
        (status = 404, description = "There is no such project.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show_calendar(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<CalendarQuery>,
) -> ApiResult {
    let range = CalendarRange {
        project: query.project.unwrap_or_else(|| "default".to_owned()),
        from: query.from,
        to: query.to,
        time_zone: query.time_zone.unwrap_or_else(|| "UTC".to_owned()),
    };
    let page = state.services.calendar.show(&principal, &range).await?;
    ok(&CalendarReply::of(range, page))
}

/// Plan generations
///
/// One for each topic, at times that are spread over days or that follow an expression; all are queued as a batch, or
/// none. Each input is the brief with its topic, and is checked against the template before anything is queued.
#[utoipa::path(
    post, path = "/v1/calendar", tag = "generation", request_body = PlanBody,
    responses(
        (status = 200, description = "What would be queued, of a `dry_run`.", body = PlanReply),
        (status = 202, description = "The jobs were queued.", body = PlanReply,
         headers(("location" = String, description = "Where the batch is."))),
        (status = 404, description = "There is no such generator, template or project.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn plan_generations(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<PlanBody>,
) -> ApiResult {
    let is_sketch = body.value.dry_run;
    let wish = body.value.into_domain()?;
    let calendar = &state.services.calendar;
    if is_sketch {
        let planned = calendar.sketch(&principal, wish).await?;
        return ok(&PlanReply::of(planned));
    }
    let planned = calendar.plan(&principal, wish).await?;
    let batch = planned.batch.map(|batch| batch.to_string());
    let place = location(format!("/v1/jobs/batches/{}", batch.unwrap_or_default()));
    let mut response = json(StatusCode::ACCEPTED, &PlanReply::of(planned))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}
