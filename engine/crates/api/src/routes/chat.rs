//! `/v1/chat/completions`, as OpenAI's clients know it: whole, or streamed as server-sent events.

use axum::extract::State;

use crate::answer::Answers;
use crate::error::ApiResult;
use crate::extract::{CallContext, JsonBody, ModelCaller};
use crate::middleware::RequestId;
use crate::reply::{off_thread_if, ok};
use crate::state::Shared;
use crate::wire::openai::chat_request::{ChatRequestBody, Delivery};
use crate::wire::openai::chunk::{ChunkReply, ChunkWriter};
use crate::wire::openai::completion::CompletionReply;

/// Go on with a conversation
///
/// Compatible with OpenAI's `POST /v1/chat/completions`. With `"stream": true` the answer comes as
/// server-sent events that end with `data: [DONE]`; an error in the middle is one more event
/// `{"error": …}`, the last. With `n` above 1 the model is called so many times at once, and each call is
/// billed; where one of them fails, the request does. Where another model goes on with an answer, `model`
/// and `inkstone.rerouted_to` say so. Fields not listed here are passed to the provider.
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
    ModelCaller(principal): ModelCaller,
    CallContext(context): CallContext,
    request_id: RequestId,
    body: JsonBody<ChatRequestBody>,
) -> ApiResult {
    let (delivery, choices) = (body.value.delivery(), body.value.choices());
    let request = off_thread_if(body.is_large, move || body.value.into_domain()).await?;
    // The first chunks have come once this returns: a failure before them still has its own status.
    let answers = Answers::ask(&state, &principal, &context, request, choices).await?;
    let (id, created) = (format!("chatcmpl-{}", answers.id()), answers.created());
    match delivery {
        Delivery::Whole => {
            let (replies, head) = answers.replies().await?;
            Ok(head.tell_in(ok(&CompletionReply::new(replies, id, created))?))
        }
        Delivery::Stream { include_usage } => {
            let writer = ChunkWriter::new(id, created, answers.models(), include_usage);
            Ok(answers.stream(writer, request_id))
        }
    }
}
