//! `/v1/embeddings`, as OpenAI's clients know it.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;

use crate::error::ApiResult;
use crate::extract::{CallContext, JsonBody, ModelCaller};
use crate::middleware::Waited;
use crate::reply::{answered_by, encode, had_by, json_bytes, off_thread_if};
use crate::state::Shared;
use crate::wire::openai::embedding::{EmbeddingsBody, EmbeddingsReply};

/// Replies with more numbers than this are written on a blocking thread.
const LARGE_NUMBERS: usize = 16 * 1024;

/// Embed texts
///
/// Compatible with OpenAI's `POST /v1/embeddings`; lists of token numbers are not read.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "models", request_body = EmbeddingsBody,
    params(("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    responses((status = 200, description = "One vector per text.", body = EmbeddingsReply,
        headers(("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered.")))),
)]
pub(crate) async fn create_embeddings(
    State(state): State<Shared>,
    ModelCaller(principal): ModelCaller,
    CallContext(context): CallContext,
    body: JsonBody<EmbeddingsBody>,
) -> ApiResult {
    let format = body.value.encoding_format.unwrap_or_default();
    let request = body.value.into_domain()?;
    let asked = Instant::now();
    let embedded = state
        .services
        .chat
        .embed(&principal, &context, request)
        .await?;
    let waited = Waited(asked.elapsed());
    let (plugin, version) = (embedded.plugin, embedded.plugin_version);
    let numbers: usize = embedded.reply.vectors.iter().map(Vec::len).sum();
    let body = off_thread_if(numbers > LARGE_NUMBERS, move || {
        encode(&EmbeddingsReply::new(
            embedded.reply,
            embedded.model,
            format,
        ))
    })
    .await?;
    let response = answered_by(json_bytes(StatusCode::OK, body), &plugin, &version);
    Ok(waited.note(had_by(response, &embedded.facts)))
}
