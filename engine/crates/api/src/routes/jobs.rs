//! `/v1/jobs`: background work, followed by server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use inkstone_domain::Result;
use inkstone_domain::ids::{BatchId, JobId, UserId};
use inkstone_domain::job::JobFilter;
use inkstone_services::jobs::JobUpdate;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::error::{ApiResult, status_of};
use crate::extract::{Caller, PathId, QueryOf};
use crate::middleware::RequestId;
use crate::middleware::failure::log_failure;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::job::{
    EventReply, JobReply, JobStatusWord, LogLineReply, PriorityWord, ProgressReply, TextReply,
};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;

/// A comment this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    #[serde(rename = "filter[status]")]
    #[param(inline)]
    status: Option<JobStatusWord>,
    /// `generate`, or the name of the engine's own work.
    #[serde(rename = "filter[kind]")]
    kind: Option<String>,
    /// Slug of a project.
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    #[serde(rename = "filter[priority]")]
    priority: Option<PriorityWord>,
    /// `bat_…`
    #[serde(rename = "filter[batch]")]
    #[param(value_type = Option<String>)]
    batch: Option<BatchId>,
    /// `usr_…`; all others see their own alone.
    #[serde(rename = "filter[owner]")]
    #[param(value_type = Option<String>)]
    owner: Option<UserId>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List jobs
///
/// Newest first; one's own, and for admins everybody's. Each page looks at a bounded number of jobs, so
/// it may have fewer than `limit`, even none, and not be the last: the last has no `next_cursor`.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "generation", params(JobsQuery),
    responses((status = 200, description = "A page of jobs.", body = ListReply<JobReply>)),
)]
pub(crate) async fn list_jobs(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<JobsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let filter = JobFilter {
        owner: query.owner,
        status: query.status.map(Into::into),
        kind: query.kind,
        project: query.project,
        priority: query.priority.map(Into::into),
        batch: query.batch,
    };
    let jobs = state.services.jobs.list(&principal, filter, page).await?;
    ok(&ListReply::<JobReply>::page(jobs))
}

/// Show a job
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "generation",
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, description = "The job.", body = JobReply)),
)]
pub(crate) async fn show_job(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<JobId>,
) -> ApiResult {
    let job = state.services.jobs.get(&principal, id).await?;
    ok(&JobReply::from(job))
}

/// Cancel a job
///
/// A queued job ends at once; a running one is asked to stop and ends soon after.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "generation",
    params(("id" = String, Path, description = "`job_…`")),
    responses(
        (status = 200, description = "The job, ended or asked to stop.", body = JobReply),
        (status = 409, description = "The job has ended already.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel_job(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<JobId>,
) -> ApiResult {
    let job = state.services.jobs.cancel(&principal, id).await?;
    ok(&JobReply::from(job))
}

/// Requeue a job
///
/// Puts a job that failed, died or was cancelled into the queue once more, due now and with no attempt
/// counted. A dead one goes on from its last checkpoint. It waits for no other job.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/requeue", tag = "generation",
    params(("id" = String, Path, description = "`job_…`")),
    responses(
        (status = 200, description = "The job, queued.", body = JobReply),
        (status = 409, description = "The job has not ended, or ended well.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn requeue_job(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<JobId>,
) -> ApiResult {
    let job = state.services.jobs.requeue(&principal, id).await?;
    ok(&JobReply::from(job))
}

/// Show the log of a job
///
/// What its attempts said, oldest first: steps, faults, and when it was tried again. The newest 200 lines
/// are kept.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/log", tag = "generation",
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, description = "All lines.", body = ListReply<LogLineReply>)),
)]
pub(crate) async fn show_log(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<JobId>,
) -> ApiResult {
    let lines = state.services.jobs.log(&principal, id).await?;
    ok(&ListReply::<LogLineReply>::whole(lines))
}

/// Follow a job
///
/// Server-sent events: `snapshot` (a job: first, and whenever something may have been missed),
/// `progress`, `text` (`{"text": …}`, a piece of what is being written), and `end` (the job), the
/// last. `error` (a problem) ends the stream, not the job.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "generation",
    params(("id" = String, Path, description = "`job_…`")),
    responses((
        status = 200, description = "The events, to the end of the job.",
        content((EventReply = "text/event-stream"))
    )),
)]
pub(crate) async fn watch_job(
    State(state): State<Shared>,
    Caller(principal): Caller,
    request_id: RequestId,
    PathId(id): PathId<JobId>,
) -> ApiResult<Response> {
    let updates = state.services.jobs.watch(&principal, id).await?;
    // Pulled by the connection: when the client leaves, the watch is dropped; the job goes on.
    let events = updates.map(move |update| Ok::<_, Infallible>(event_of(update, &request_id)));
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

fn event_of(update: Result<JobUpdate>, request_id: &RequestId) -> Event {
    match update {
        Ok(JobUpdate::Snapshot(job)) => event("snapshot", &JobReply::from(job)),
        Ok(JobUpdate::Progress(progress)) => event("progress", &ProgressReply::from(progress)),
        Ok(JobUpdate::Text(text)) => event("text", &TextReply { text }),
        Ok(JobUpdate::Ended(job)) => event("end", &JobReply::from(job)),
        Err(error) => {
            log_failure(&error, request_id);
            let status = status_of(&error).as_u16();
            event("error", &Problem::new(&error, status, request_id.as_str()))
        }
    }
}

fn event<T: Serialize>(name: &str, value: &T) -> Event {
    // Strings, numbers and JSON, which always can be written.
    Event::default()
        .event(name)
        .json_data(value)
        .unwrap_or_default()
}
