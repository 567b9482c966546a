//! `/v1/messages`, as Anthropic's clients know it: whole, or streamed as server-sent events.

use axum::extract::State;

use crate::answer::Answers;
use crate::error::ApiResult;
use crate::extract::{CallContext, JsonBody, ModelCaller};
use crate::middleware::RequestId;
use crate::reply::{off_thread_if, ok};
use crate::state::Shared;
use crate::wire::anthropic::event::MessageEventReply;
use crate::wire::anthropic::reply::AnthropicMessageReply;
use crate::wire::anthropic::request::MessagesBody;
use crate::wire::anthropic::writer::MessageWriter;

/// Answer a conversation
///
/// Compatible with Anthropic's `POST /v1/messages`; the token may stand in `x-api-key` too. With
/// `"stream": true` the answer comes as server-sent events, named after their types; an error in the middle
/// is one more event, `error`, the last. Fields not listed here are passed to the provider.
#[utoipa::path(
    post, path = "/v1/messages", tag = "models", request_body = MessagesBody,
    params(("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    responses((
        status = 200, description = "The answer, whole or as a stream.",
        content((AnthropicMessageReply = "application/json"), (MessageEventReply = "text/event-stream")),
        headers(("x-inkstone-provider" = String, description = "Id of the plugin that answers."),
                ("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered."),
                ("x-inkstone-overhead-ms" = f64, description = "Time the engine itself took to the first chunk."))
    )),
)]
pub(crate) async fn create_message(
    State(state): State<Shared>,
    ModelCaller(principal): ModelCaller,
    CallContext(context): CallContext,
    request_id: RequestId,
    body: JsonBody<MessagesBody>,
) -> ApiResult {
    let is_stream = body.value.is_stream();
    let request = off_thread_if(body.is_large, move || body.value.into_domain()).await?;
    let answers = Answers::ask(&state, &principal, &context, request, 1).await?;
    let (id, model) = (format!("msg_{}", answers.id()), answers.model().to_owned());
    let writer = MessageWriter::new(id, model, request_id.clone());
    if is_stream {
        return Ok(answers.stream(writer, request_id));
    }
    let (writer, head) = answers.read(writer).await?;
    Ok(head.tell_in(ok(&writer.reply())?))
}
