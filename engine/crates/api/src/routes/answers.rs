//! `/v1/answer`: questions answered from what the caller may read.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use inkstone_domain::api_key::Scope;
use inkstone_services::answers::Asked;

use super::search::check_kinds;
use crate::answer::Answers;
use crate::error::ApiResult;
use crate::extract::{CallContext, Caller, JsonBody, check_also};
use crate::middleware::RequestId;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::answer::{AnswerBody, AnswerEventWriter, AnsweredReply};
use crate::wire::job::EventReply;
use crate::wire::problem::Problem;

/// Answer a question
///
/// From passages of what the caller may read, and from nothing else, with what it has from where. Where nothing is found
/// no model is asked, and `found` is false; it is also where the model finds no answer in the passages. With
/// `"stream": true` server-sent events come: `delta` (`{"text": …}`, a piece of the answer), `citations` after the last
/// one, and `done` (the rest of a whole answer); `error` (a problem) ends the stream in their place. With an `idempotency-key` they come together.
/// Needs the role creator; a key needs `articles:read`, too.
#[utoipa::path(
    post, path = "/v1/answer", tag = "search", request_body = AnswerBody,
    responses(
        (status = 200, description = "The answer, whole or as a stream.",
         content((AnsweredReply = "application/json"), (EventReply = "text/event-stream")),
         headers(("x-inkstone-plugin" = String, description = "`ID@VERSION` that answered."))),
        (status = 404, description = "There is no such model.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The `idempotency-key` came with another request before.", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The model's provider answered with an error.", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "The model did not answer in time.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn answer_question(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(mut context): CallContext,
    request_id: RequestId,
    JsonBody { value: body, .. }: JsonBody<AnswerBody>,
) -> ApiResult {
    let asked = Instant::now();
    check_also(&principal, Scope::ArticlesRead)?;
    let (form, question) = body.checked()?;
    check_kinds(&principal, &form.request.kinds)?;
    // The whole request is made once, with its search, and a broken answer is none to keep: so it is read to its end.
    let is_kept = context.idempotency_key.take().is_some();
    if form.wait {
        state.services.search.catch_up().await?;
    }
    let is_stream = question.stream;
    let whole = |writer: AnswerEventWriter| match is_stream {
        true => Ok(events(writer.events())),
        false => ok(&writer.reply()),
    };
    let answers = &state.services.answers;
    match answers.ask(&principal, &context, question).await? {
        Asked::Nothing(given) => whole(AnswerEventWriter::nothing(given, request_id)),
        Asked::Begun { given, stream } => {
            let writer = AnswerEventWriter::new(given, stream.model.clone(), request_id.clone());
            let answers = Answers::of(*stream, asked);
            if is_stream && !is_kept {
                return Ok(answers.stream(writer, request_id));
            }
            let (writer, head) = answers.read(writer).await?;
            Ok(head.tell_in(whole(writer)?))
        }
    }
}

/// Events that are all there.
fn events(events: Bytes) -> Response {
    let mut response = Response::new(Body::from(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
