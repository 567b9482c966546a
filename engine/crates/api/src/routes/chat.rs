//! `/v1/chat/completions`, as OpenAI's clients know it: whole, or streamed as server-sent events.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use chrono::Utc;
use futures::{Stream, StreamExt, stream};
use inkstone_domain::chat::{ChunkStream, Reply};
use inkstone_services::chat::ChatStream;
use serde::Serialize;
use ulid::Ulid;

use crate::error::ApiResult;
use crate::extract::{CallContext, Caller, JsonBody};
use crate::middleware::failure::log_failure;
use crate::middleware::{RequestId, Waited};
use crate::reply::{answered_by, off_thread_if, ok};
use crate::state::Shared;
use crate::wire::openai::chat_request::{ChatRequestBody, Delivery};
use crate::wire::openai::chunk::{ChunkReply, ChunkWriter};
use crate::wire::openai::completion::CompletionReply;
use crate::wire::openai::error::OpenAiError;

const X_INKSTONE_PROVIDER: HeaderName = HeaderName::from_static("x-inkstone-provider");

/// A comment this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Go on with a conversation
///
/// Compatible with OpenAI's `POST /v1/chat/completions`. With `"stream": true` the answer comes as
/// server-sent events that end with `data: [DONE]`; an error in the middle is one more event
/// `{"error": …}`, the last. Fields not listed here are passed to the provider.
#[utoipa::path(
    post, path = "/v1/chat/completions", tag = "models", request_body = ChatRequestBody,
    params(("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    responses((
        status = 200, description = "The answer, whole or as a stream.",
        content((CompletionReply = "application/json"), (ChunkReply = "text/event-stream")),
        headers(("x-inkstone-provider" = String, description = "Id of the plugin that answers."),
                ("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered."),
                ("x-inkstone-overhead-ms" = f64, description = "Time the engine itself took to the first chunk."))
    )),
)]
pub(crate) async fn create_completion(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(context): CallContext,
    request_id: RequestId,
    body: JsonBody<ChatRequestBody>,
) -> ApiResult {
    let delivery = body.value.delivery();
    let request = off_thread_if(body.is_large, move || body.value.into_domain()).await?;
    let asked = Instant::now();
    // The first chunk has come once this returns: a failure before it still has its own status.
    let answer = state
        .services
        .chat
        .stream(&principal, &context, request)
        .await?;
    let provider = HeaderValue::try_from(answer.plugin.as_str()).ok();
    let (plugin, version) = (answer.plugin.clone(), answer.plugin_version.clone());
    let (mut response, waited) = match delivery {
        Delivery::Whole => {
            let reply = whole(answer).await?;
            let waited = asked.elapsed();
            (ok(&CompletionReply::new(reply, new_id(), now()))?, waited)
        }
        Delivery::Stream { include_usage } => {
            let waited = asked.elapsed();
            let writer = ChunkWriter::new(new_id(), now(), answer.model, include_usage);
            let events = events(answer.chunks, writer, request_id);
            let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
            (
                Sse::new(events).keep_alive(keep_alive).into_response(),
                waited,
            )
        }
    };
    if let Some(provider) = provider {
        response.headers_mut().insert(X_INKSTONE_PROVIDER, provider);
    }
    let response = answered_by(response, &plugin, &version);
    Ok(Waited(waited).note(response))
}

async fn whole(mut answer: ChatStream) -> ApiResult<Reply> {
    let mut reply = Reply {
        model: answer.model,
        ..Reply::default()
    };
    while let Some(chunk) = answer.chunks.next().await {
        reply.push(chunk?);
    }
    Ok(reply)
}

/// Where a stream is.
enum Stage {
    Opening,
    Chunks,
    Usage,
    Done,
    Over,
}

/// The events of a stream. They are pulled by the connection: when the client leaves, everything
/// here is dropped, and the call of the model with it.
fn events(
    chunks: ChunkStream,
    writer: ChunkWriter,
    request_id: RequestId,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let start = (Stage::Opening, chunks, writer, request_id);
    stream::unfold(
        start,
        |(stage, mut chunks, mut writer, request_id)| async move {
            let mut stage = stage;
            let event = loop {
                match stage {
                    Stage::Opening => {
                        stage = Stage::Chunks;
                        break data(&writer.opening());
                    }
                    Stage::Chunks => match chunks.next().await {
                        Some(Ok(chunk)) => {
                            if let Some(reply) = writer.next(chunk) {
                                break data(&reply);
                            }
                        }
                        Some(Err(error)) => {
                            log_failure(&error, &request_id);
                            stage = Stage::Over;
                            break data(&OpenAiError::new(&error));
                        }
                        None => {
                            stage = Stage::Usage;
                            if let Some(reply) = writer.missing_finish() {
                                break data(&reply);
                            }
                        }
                    },
                    Stage::Usage => {
                        stage = Stage::Done;
                        if let Some(reply) = writer.closing() {
                            break data(&reply);
                        }
                    }
                    Stage::Done => {
                        stage = Stage::Over;
                        break Event::default().data("[DONE]");
                    }
                    Stage::Over => return None,
                }
            };
            Some((Ok(event), (stage, chunks, writer, request_id)))
        },
    )
}

fn data<T: Serialize>(value: &T) -> Event {
    // Strings and numbers, which always can be written.
    Event::default().json_data(value).unwrap_or_default()
}

fn new_id() -> String {
    format!("chatcmpl-{}", Ulid::new())
}

fn now() -> i64 {
    Utc::now().timestamp()
}
