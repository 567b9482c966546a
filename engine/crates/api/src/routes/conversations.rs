//! `/v1/projects/{slug}/chat`: talks with models that are kept, and `…/chats`: those that were.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::{TryStreamExt, stream};
use inkstone_domain::api_key::Scope;
use inkstone_domain::chat::Chunk;
use inkstone_domain::conversation::Conversation;
use inkstone_domain::ids::ConversationId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::Answers;
use crate::error::ApiResult;
use crate::extract::{
    CallContext, Caller, IfMatch, IfNoneMatch, JsonBody, PathWord, PathWordId, QueryOf, check_also,
};
use crate::middleware::RequestId;
use crate::reply::{
    X_INKSTONE_CHAT, X_INKSTONE_MESSAGE, json, no_content, not_modified, ok, revision_tag, tagged,
};
use crate::state::Shared;
use crate::wire::conversation::{ChatMessageReply, ChatPatchBody, ChatReply, SaidReply, SayBody};
use crate::wire::openai::chunk::{ChunkReply, ChunkWriter};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChatsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Say something in a chat
///
/// Begins a chat, or goes on with one. What does not fit into the model any more is summed up. With
/// `"stream": true` the answer comes as OpenAI's chunks; whoever leaves stops it, and what was said until
/// then is kept. With an `idempotency-key` the model speaks to its end in any case, and the chunks come together.
/// Needs the role creator; for members of the project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/chat", tag = "projects", request_body = SayBody,
    params(("slug" = String, Path, description = "Of the project.")),
    responses(
        (status = 200, description = "The answer, whole or as a stream.",
         content((SaidReply = "application/json"), (ChunkReply = "text/event-stream")),
         headers(("x-inkstone-chat" = String, description = "`cnv_…`"),
                 ("x-inkstone-message" = String, description = "`msg_…` of the answer; it is there once the answer has ended."))),
        (status = 409, description = "An answer is under way in this chat, or the project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "An attachment is of a kind that no model takes, or the `idempotency-key` came with another request before.", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The model's provider answered with an error.", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "The model did not answer in time.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn say_in_chat(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(context): CallContext,
    request_id: RequestId,
    PathWord(slug): PathWord,
    body: JsonBody<SayBody>,
) -> ApiResult<Response> {
    let asked = Instant::now();
    let is_stream = body.value.stream;
    let say = body.value.into_domain()?;
    if !say.attachments.is_empty() {
        check_also(&principal, Scope::MediaRead)?;
    }
    if !say.articles.is_empty() {
        check_also(&principal, Scope::ArticlesRead)?;
    }
    let conversations = &state.services.conversations;
    if !is_stream {
        let said = conversations
            .say_whole(&principal, &context, &slug, say)
            .await?;
        let (chat, message) = (said.0.id.to_string(), said.2.id.to_string());
        return Ok(named(ok(&SaidReply::from(said))?, &chat, &message));
    }
    let mut answering = conversations.say(&principal, &context, &slug, say).await?;
    if context.idempotency_key.is_some() {
        // A broken answer is none to keep.
        let whole: Vec<Chunk> = answering.stream.chunks.try_collect().await?;
        answering.stream.chunks = Box::pin(stream::iter(whole.into_iter().map(Ok)));
    }
    let chat = answering.conversation.id.to_string();
    let message = answering.answer.to_string();
    let answers = Answers::of(answering.stream, asked);
    let created = answers.created();
    let writer = ChunkWriter::new(message.clone(), created, answers.models(), true);
    Ok(named(answers.stream(writer, request_id), &chat, &message))
}

/// List chats
///
/// One's own in this project, newest first.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/chats", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."), ChatsQuery),
    responses((status = 200, description = "A page of chats.", body = ListReply<ChatReply>)),
)]
pub(crate) async fn list_chats(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<ChatsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let conversations = &state.services.conversations;
    let chats = conversations.list(&principal, &slug, page).await?;
    ok(&ListReply::<ChatReply>::page(chats))
}

/// Show a chat
///
/// For its owner. An admin's look is written into the audit log.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/chats/{id}", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`cnv_…`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The chat.", body = ChatReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_chat(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ConversationId>,
    held: IfNoneMatch,
) -> ApiResult {
    let conversations = &state.services.conversations;
    let chat = conversations.get(&principal, &slug, id).await?;
    let tag = revision_tag(chat.revision);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    chat_reply(chat)
}

/// List messages of a chat
///
/// Of all its branches, oldest first; `parent` makes them a tree. For its owner. An admin's look is written
/// into the audit log.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/chats/{id}/messages", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`cnv_…`"), ChatsQuery),
    responses((status = 200, description = "A page of messages.", body = ListReply<ChatMessageReply>)),
)]
pub(crate) async fn list_chat_messages(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ConversationId>,
    QueryOf(query): QueryOf<ChatsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let conversations = &state.services.conversations;
    let messages = conversations.messages(&principal, &slug, id, page).await?;
    ok(&ListReply::<ChatMessageReply>::page(messages))
}

/// Change a chat
///
/// Its title, or the branch that is shown. Send the `etag` you read as `if-match`, so that nobody's change
/// is lost.
#[utoipa::path(
    patch, path = "/v1/projects/{slug}/chats/{id}", tag = "projects", request_body = ChatPatchBody,
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`cnv_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The chat as it is now.", body = ChatReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_chat(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ConversationId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<ChatPatchBody>,
) -> ApiResult {
    let conversations = &state.services.conversations;
    let patch = body.value.into();
    let chat = conversations
        .update(&principal, &slug, id, patch, revision)
        .await?;
    chat_reply(chat)
}

/// Delete a chat
///
/// With all its messages, for good.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}/chats/{id}", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`cnv_…`")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_chat(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ConversationId>,
) -> ApiResult<Response> {
    let conversations = &state.services.conversations;
    conversations.delete(&principal, &slug, id).await?;
    Ok(no_content())
}

/// Stop an answer
///
/// The one that is under way in the chat; what was said until then is kept.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}/chats/{id}/answer", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("id" = String, Path, description = "`cnv_…`")),
    responses(
        (status = 204, description = "It is told to stop."),
        (status = 409, description = "No answer is under way on this engine.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn stop_answer(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWordId(slug, id): PathWordId<ConversationId>,
) -> ApiResult<Response> {
    let conversations = &state.services.conversations;
    conversations.stop(&principal, &slug, id).await?;
    Ok(no_content())
}

fn chat_reply(chat: Conversation) -> ApiResult {
    let tag = revision_tag(chat.revision);
    let response = json(StatusCode::OK, &ChatReply::from(chat))?;
    Ok(tagged(response, tag))
}

/// Tells in headers, which also come before a stream, what was made.
fn named(mut response: Response, chat: &str, message: &str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [(X_INKSTONE_CHAT, chat), (X_INKSTONE_MESSAGE, message)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}
