//! `/v1/rerank`, as clients of Cohere and Jina know it.

use std::time::Instant;

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::{CallContext, JsonBody, ModelCaller};
use crate::middleware::Waited;
use crate::reply::{answered_by, had_by, ok};
use crate::state::Shared;
use crate::wire::rerank::{RankingReply, RerankBody};

/// Rank documents
///
/// Puts documents in the order in which they answer a query. The shape is that of Cohere and Jina; errors
/// come in OpenAI's envelope.
#[utoipa::path(
    post, path = "/v1/rerank", tag = "models", request_body = RerankBody,
    params(("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    responses((status = 200, description = "The documents, best first.", body = RankingReply,
        headers(("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered.")))),
)]
pub(crate) async fn rank_documents(
    State(state): State<Shared>,
    ModelCaller(principal): ModelCaller,
    CallContext(context): CallContext,
    body: JsonBody<RerankBody>,
) -> ApiResult {
    let documents = body.value.returned_documents();
    let request = body.value.into_domain()?;
    let asked = Instant::now();
    let ranked = state
        .services
        .chat
        .rerank(&principal, &context, request)
        .await?;
    let waited = Waited(asked.elapsed());
    let id = format!("rerank-{}", ranked.facts.id);
    let reply = RankingReply::new(ranked.reply, id, ranked.model, documents);
    let response = answered_by(ok(&reply)?, &ranked.plugin, &ranked.plugin_version);
    Ok(waited.note(had_by(response, &ranked.facts)))
}
