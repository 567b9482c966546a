//! `/v1/research/{plugin}/{tool}`: looks something up.

use std::time::Instant;

use axum::extract::State;
use serde_json::Value;

use crate::error::ApiResult;
use crate::extract::{CallContext, Caller, JsonBody, PathWords};
use crate::middleware::Waited;
use crate::reply::{answered_by, ok};
use crate::state::Shared;
use crate::wire::research::AnswerReply;

/// Call a research tool
///
/// The body is the tool's input, which fits its `input_schema`.
#[utoipa::path(
    post, path = "/v1/research/{plugin}/{tool}", tag = "research",
    params(("plugin" = String, Path, description = "Id of a research plugin."),
           ("tool" = String, Path, description = "Name of one of its tools."),
           ("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "What was found.", body = AnswerReply,
        headers(("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered.")))),
)]
pub(crate) async fn call_tool(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(context): CallContext,
    PathWords(plugin, tool): PathWords,
    body: JsonBody<Value>,
) -> ApiResult {
    let asked = Instant::now();
    let answered = state
        .services
        .research
        .call(&principal, &context, &plugin, &tool, body.value)
        .await?;
    let waited = Waited(asked.elapsed());
    let manifest = &answered.plugin.manifest;
    let response = ok(&AnswerReply::from(answered.value))?;
    let response = answered_by(response, &manifest.id, &manifest.version);
    Ok(waited.note(response))
}
