//! `/v1/responses`, as OpenAI's clients know it: whole, or streamed as server-sent events.

use axum::extract::State;

use crate::answer::Answers;
use crate::error::ApiResult;
use crate::extract::{CallContext, JsonBody, ModelCaller};
use crate::middleware::RequestId;
use crate::reply::{off_thread_if, ok};
use crate::state::Shared;
use crate::wire::responses::event::ResponseEventReply;
use crate::wire::responses::reply::ResponseReply;
use crate::wire::responses::request::ResponsesBody;
use crate::wire::responses::writer::ResponseWriter;

/// Respond to an input
///
/// Compatible with OpenAI's `POST /v1/responses`, but nothing is stored: send the whole conversation as
/// `input`. With `"stream": true` the response comes as server-sent events, named after their types; where
/// it breaks in the middle, `error` and `response.failed` are the last. Fields not listed here are passed to
/// the provider.
#[utoipa::path(
    post, path = "/v1/responses", tag = "models", request_body = ResponsesBody,
    params(("x-inkstone-plugin-version" = Option<String>, Header, description = "For admins: `ID@VERSION` of loaded versions to use, with commas between.")),
    responses((
        status = 200, description = "The response, whole or as a stream.",
        content((ResponseReply = "application/json"), (ResponseEventReply = "text/event-stream")),
        headers(("x-inkstone-provider" = String, description = "Id of the plugin that answers."),
                ("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered."),
                ("x-inkstone-overhead-ms" = f64, description = "Time the engine itself took to the first chunk."))
    )),
)]
pub(crate) async fn create_response(
    State(state): State<Shared>,
    ModelCaller(principal): ModelCaller,
    CallContext(context): CallContext,
    request_id: RequestId,
    body: JsonBody<ResponsesBody>,
) -> ApiResult {
    let is_stream = body.value.is_stream();
    let (request, echo) = off_thread_if(body.is_large, move || body.value.into_domain()).await?;
    let answers = Answers::ask(&state, &principal, &context, request, 1).await?;
    let (id, model) = (answers.id().to_owned(), answers.model().to_owned());
    let writer = ResponseWriter::new(id, answers.created(), model, echo);
    if is_stream {
        return Ok(answers.stream(writer, request_id));
    }
    let (writer, head) = answers.read(writer).await?;
    Ok(head.tell_in(ok(&writer.reply())?))
}
