//! `/v1/embeddings`, as OpenAI's clients know it.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody};
use crate::middleware::{RequestId, Waited};
use crate::reply::{encode, json_bytes, off_thread_if};
use crate::state::Shared;
use crate::wire::openai::embedding::{EmbeddingsBody, EmbeddingsReply};

/// Replies with more numbers than this are written on a blocking thread.
const LARGE_NUMBERS: usize = 16 * 1024;

/// Embed texts
///
/// Compatible with OpenAI's `POST /v1/embeddings`; lists of token numbers are not read.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "models", request_body = EmbeddingsBody,
    responses((status = 200, description = "One vector per text.", body = EmbeddingsReply)),
)]
pub(crate) async fn create_embeddings(
    State(state): State<Shared>,
    Caller(principal): Caller,
    request_id: RequestId,
    body: JsonBody<EmbeddingsBody>,
) -> ApiResult {
    let format = body.value.encoding_format.unwrap_or_default();
    let request = body.value.into_domain()?;
    let asked = Instant::now();
    let embedded = state
        .services
        .chat
        .embed(&principal, &request_id.context(), request)
        .await?;
    let waited = Waited(asked.elapsed());
    let numbers: usize = embedded.reply.vectors.iter().map(Vec::len).sum();
    let body = off_thread_if(numbers > LARGE_NUMBERS, move || {
        encode(&EmbeddingsReply::new(
            embedded.reply,
            embedded.model,
            format,
        ))
    })
    .await?;
    Ok(waited.note(json_bytes(StatusCode::OK, body)))
}
