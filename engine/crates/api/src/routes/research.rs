//! `/v1/research/{plugin}/{tool}`: looks something up.

use std::time::Instant;

use axum::extract::State;
use serde_json::Value;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathWords};
use crate::middleware::{RequestId, Waited};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::research::AnswerReply;

/// Call a research tool
///
/// The body is the tool's input, which fits its `input_schema`.
#[utoipa::path(
    post, path = "/v1/research/{plugin}/{tool}", tag = "research",
    params(("plugin" = String, Path, description = "Id of a research plugin."),
           ("tool" = String, Path, description = "Name of one of its tools.")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "What was found.", body = AnswerReply)),
)]
pub(crate) async fn call_tool(
    State(state): State<Shared>,
    Caller(principal): Caller,
    request_id: RequestId,
    PathWords(plugin, tool): PathWords,
    body: JsonBody<Value>,
) -> ApiResult {
    let asked = Instant::now();
    let answer = state
        .services
        .research
        .call(
            &principal,
            &request_id.context(),
            &plugin,
            &tool,
            body.value,
        )
        .await?;
    let waited = Waited(asked.elapsed());
    Ok(waited.note(ok(&AnswerReply::from(answer))?))
}
