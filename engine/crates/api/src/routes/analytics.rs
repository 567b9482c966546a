//! `/v1/analytics/{plugin}/{report}`: runs a report.

use std::time::Instant;

use axum::extract::State;
use serde_json::Value;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathWords};
use crate::middleware::{RequestId, Waited};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::report::ReportReply;

/// Run a report
///
/// The body is the report's input, which fits its `input_schema`.
#[utoipa::path(
    post, path = "/v1/analytics/{plugin}/{report}", tag = "analytics",
    params(("plugin" = String, Path, description = "Id of an analytics plugin."),
           ("report" = String, Path, description = "Id of one of its reports.")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "The report.", body = ReportReply)),
)]
pub(crate) async fn run_report(
    State(state): State<Shared>,
    Caller(principal): Caller,
    request_id: RequestId,
    PathWords(plugin, report): PathWords,
    body: JsonBody<Value>,
) -> ApiResult {
    let asked = Instant::now();
    let blocks = state
        .services
        .analytics
        .run(
            &principal,
            &request_id.context(),
            &plugin,
            &report,
            body.value,
        )
        .await?;
    let waited = Waited(asked.elapsed());
    Ok(waited.note(ok(&ReportReply::from(blocks))?))
}
