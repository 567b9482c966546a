//! `/v1/generate/{plugin}/{template}`: starts a generation as a job.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use inkstone_domain::{Error, FieldError, codes};

use crate::error::ApiResult;
use crate::extract::{CallContext, Caller, JsonBody, PathWords};
use crate::reply::{json, location};
use crate::state::Shared;
use crate::wire::job::{GenerateBody, JobReply};

/// Start a generation
///
/// The input is checked before the job is queued. Follow the job at `location`; once it has
/// succeeded, its `article` is the result.
#[utoipa::path(
    post, path = "/v1/generate/{plugin}/{template}", tag = "generation",
    params(("plugin" = String, Path, description = "Id of a generator."),
           ("template" = String, Path, description = "Id of one of its templates."),
           ("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    request_body = GenerateBody,
    responses((
        status = 202, description = "The job was queued.", body = JobReply,
        headers(("location" = String, description = "Where the job is."))
    )),
)]
pub(crate) async fn start_generation(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(context): CallContext,
    PathWords(plugin, template): PathWords,
    body: JsonBody<GenerateBody>,
) -> ApiResult {
    let (mut task, terms) = body.value.into_domain(plugin, template);
    task.pins = context.pins.iter().cloned().collect();
    let job = state
        .services
        .jobs
        .submit(&principal, task, terms)
        .await
        .map_err(below_input)?;
    let location = location(format!("/v1/jobs/{}", job.id));
    let mut response = json(StatusCode::ACCEPTED, &JobReply::from(job))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// The schema check points into the input; the caller sent a body with the input in it.
fn below_input(error: Error) -> Error {
    if error.code() != &codes::SCHEMA_MISMATCH {
        return error;
    }
    let fields = error
        .fields()
        .iter()
        .map(|field| FieldError {
            pointer: format!("/input{}", field.pointer),
            detail: field.detail.clone(),
        })
        .collect();
    error.with_fields(fields)
}
