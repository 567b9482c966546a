//! `/v1/jobs/batches`: generations that are asked for together, with a summary.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use inkstone_domain::ids::BatchId;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathId};
use crate::reply::{json, location, ok};
use crate::state::Shared;
use crate::wire::batch::{BatchBody, BatchReply};
use crate::wire::problem::Problem;

/// Start a batch of generations
///
/// Up to 200, all queued or none, each checked as if it came alone. A job may wait for jobs before it in the
/// list. `GET /v1/jobs?filter[batch]=` lists them; the event `batch.ended` tells when the last has ended.
#[utoipa::path(
    post, path = "/v1/jobs/batches", tag = "generation",
    request_body = BatchBody,
    responses(
        (
            status = 202, description = "The jobs were queued.", body = BatchReply,
            headers(("location" = String, description = "Where the batch is."))
        ),
        (status = 404, description = "There is no such generator, template or project.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A job was to come after one that did not succeed.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn start_batch(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<BatchBody>,
) -> ApiResult {
    let BatchBody { name, jobs } = body.value;
    let items = jobs.into_iter().map(Into::into).collect();
    let batch = state
        .services
        .jobs
        .submit_batch(&principal, &name, items)
        .await?;
    let location = location(format!("/v1/jobs/batches/{}", batch.id));
    let mut response = json(StatusCode::ACCEPTED, &BatchReply::from(batch))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Show a batch
#[utoipa::path(
    get, path = "/v1/jobs/batches/{id}", tag = "generation",
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The batch, with its jobs counted by status.", body = BatchReply)),
)]
pub(crate) async fn show_batch(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<BatchId>,
) -> ApiResult {
    let batch = state.services.jobs.batch(&principal, id).await?;
    ok(&BatchReply::from(batch))
}
