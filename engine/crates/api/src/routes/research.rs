//! `/v1/research/{plugin}/{tool}`: looks something up, and keeps it where that is wished.

use std::time::Instant;

use axum::extract::State;
use inkstone_domain::api_key::Scope;
use inkstone_services::research::Inquiry;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{CallContext, Caller, JsonBody, PathWords, QueryOf, check_also};
use crate::middleware::Waited;
use crate::reply::{answered_by, ok};
use crate::state::Shared;
use crate::wire::problem::Problem;
use crate::wire::research::AnswerReply;

/// Where the answer is kept.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeepQuery {
    /// Slug of a project; nothing is kept where it is left out.
    keep_in: Option<String>,
}

/// Call a research tool
///
/// The body is the tool's input, which fits its `input_schema`. With `keep_in` what is found becomes a note of a
/// project whose editors the caller is one of; a key needs `projects:write` for that, too.
#[utoipa::path(
    post, path = "/v1/research/{plugin}/{tool}", tag = "research",
    params(("plugin" = String, Path, description = "Id of a research plugin."),
           ("tool" = String, Path, description = "Name of one of its tools."),
           KeepQuery,
           ("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, description = "What was found.", body = AnswerReply,
         headers(("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn call_tool(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(context): CallContext,
    PathWords(plugin, tool): PathWords,
    QueryOf(query): QueryOf<KeepQuery>,
    body: JsonBody<Value>,
) -> ApiResult {
    if query.keep_in.is_some() {
        check_also(&principal, Scope::ProjectsWrite)?;
    }
    let asked = Instant::now();
    let inquiry = Inquiry {
        plugin: &plugin,
        tool: &tool,
        input: body.value,
        keep_in: query.keep_in.as_deref(),
    };
    let research = &state.services.research;
    let found = research.call(&principal, &context, inquiry).await?;
    let waited = Waited(asked.elapsed());
    let manifest = &found.answered.plugin.manifest;
    let response = ok(&AnswerReply::from((found.answered.value, found.note)))?;
    let response = answered_by(response, &manifest.id, &manifest.version);
    Ok(waited.note(response))
}
