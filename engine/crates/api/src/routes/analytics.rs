//! `/v1/analytics/{plugin}/{report}`: runs a report.

use std::time::Instant;

use axum::extract::State;
use serde_json::Value;

use crate::error::ApiResult;
use crate::extract::{CallContext, Caller, JsonBody, PathWords};
use crate::middleware::Waited;
use crate::reply::{answered_by, ok};
use crate::state::Shared;
use crate::wire::report::ReportReply;

/// Run a report
///
/// The body is the report's input, which fits its `input_schema`.
#[utoipa::path(
    post, path = "/v1/analytics/{plugin}/{report}", tag = "analytics",
    params(("plugin" = String, Path, description = "Id of an analytics plugin."),
           ("report" = String, Path, description = "Id of one of its reports."),
           ("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "The report.", body = ReportReply,
        headers(("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered.")))),
)]
pub(crate) async fn run_report(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(context): CallContext,
    PathWords(plugin, report): PathWords,
    body: JsonBody<Value>,
) -> ApiResult {
    let asked = Instant::now();
    let answered = state
        .services
        .analytics
        .run(&principal, &context, &plugin, &report, body.value)
        .await?;
    let waited = Waited(asked.elapsed());
    let manifest = &answered.plugin.manifest;
    let response = ok(&ReportReply::from(answered.value))?;
    let response = answered_by(response, &manifest.id, &manifest.version);
    Ok(waited.note(response))
}
