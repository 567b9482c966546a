//! `/v1/articles/{id}/comments` and `…/suggestions`: what is said about an article, and other words for it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::{ArticleId, CommentId};
use inkstone_services::content::Placed;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathId, PathIds, QueryOf};
use crate::reply::{json, location, no_content, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::comment::{
    AcceptedReply, CommentReply, CommentTextBody, NewCommentBody, NewSuggestionBody, ResolveBody,
};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;

/// Which page of the comments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CommentsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List comments
///
/// Newest first, replies and suggestions too. For the author of the article, members of the project and admins.
#[utoipa::path(
    get, path = "/v1/articles/{id}/comments", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"), CommentsQuery),
    responses((status = 200, description = "A page of comments.", body = ListReply<CommentReply>)),
)]
pub(crate) async fn list_comments(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(article): PathId<ArticleId>,
    QueryOf(query): QueryOf<CommentsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let comments = &state.services.comments;
    let page = comments.list(&principal, article, page).await?;
    ok(&ListReply::<CommentReply>::page(page))
}

/// Comment on an article
///
/// On words of its body, or on all of it. For the author of the article, reviewers and editors.
#[utoipa::path(
    post, path = "/v1/articles/{id}/comments", tag = "articles", request_body = NewCommentBody,
    params(("id" = String, Path, description = "`art_…`")),
    responses((
        status = 201, description = "The comment.", body = CommentReply,
        headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))
    )),
)]
pub(crate) async fn write_comment(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(article): PathId<ArticleId>,
    body: JsonBody<NewCommentBody>,
) -> ApiResult {
    let comments = &state.services.comments;
    let new = body.value.into();
    created(comments.write(&principal, article, new).await?)
}

/// Suggest other words
///
/// For some of the body. For the same as comments; whoever may change the text accepts or rejects it.
#[utoipa::path(
    post, path = "/v1/articles/{id}/suggestions", tag = "articles", request_body = NewSuggestionBody,
    params(("id" = String, Path, description = "`art_…`")),
    responses((
        status = 201, description = "The suggestion, a comment.", body = CommentReply,
        headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))
    )),
)]
pub(crate) async fn suggest_words(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(article): PathId<ArticleId>,
    body: JsonBody<NewSuggestionBody>,
) -> ApiResult {
    let comments = &state.services.comments;
    let new = body.value.into();
    created(comments.suggest(&principal, article, new).await?)
}

/// Show a comment
#[utoipa::path(
    get, path = "/v1/articles/{id}/comments/{comment}", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("comment" = String, Path, description = "`cmt_…`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The comment.", body = CommentReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_comment(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(article, comment): PathIds<ArticleId, CommentId>,
    held: IfNoneMatch,
) -> ApiResult {
    let comments = &state.services.comments;
    let placed = comments.get(&principal, article, comment).await?;
    let tag = revision_tag(placed.comment.revision);
    // Where it stands changes with the article, and not with the comment.
    match placed.comment.anchor.is_none() && held.holds(&tag) {
        true => Ok(tagged(not_modified(), tag)),
        false => shown(placed),
    }
}

/// Change a comment
///
/// For who wrote it.
#[utoipa::path(
    patch, path = "/v1/articles/{id}/comments/{comment}", tag = "articles", request_body = CommentTextBody,
    params(("id" = String, Path, description = "`art_…`"),
           ("comment" = String, Path, description = "`cmt_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The comment as it is now.", body = CommentReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 412, description = "It was changed; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_comment(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(article, comment): PathIds<ArticleId, CommentId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<CommentTextBody>,
) -> ApiResult {
    let comments = &state.services.comments;
    let text = body.value.body;
    let changed = comments.edit(&principal, article, comment, text, revision);
    shown(changed.await?)
}

/// Delete a comment
///
/// With its replies. For who wrote it, and editors.
#[utoipa::path(
    delete, path = "/v1/articles/{id}/comments/{comment}", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("comment" = String, Path, description = "`cmt_…`")),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn delete_comment(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(article, comment): PathIds<ArticleId, CommentId>,
) -> ApiResult<Response> {
    let comments = &state.services.comments;
    comments.delete(&principal, article, comment).await?;
    Ok(no_content())
}

/// Reply to a comment
///
/// For the same as comments.
#[utoipa::path(
    post, path = "/v1/articles/{id}/comments/{comment}/replies", tag = "articles", request_body = CommentTextBody,
    params(("id" = String, Path, description = "`art_…`"),
           ("comment" = String, Path, description = "`cmt_…`")),
    responses((
        status = 201, description = "The reply, a comment.", body = CommentReply,
        headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))
    )),
)]
pub(crate) async fn reply_to_comment(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(article, comment): PathIds<ArticleId, CommentId>,
    body: JsonBody<CommentTextBody>,
) -> ApiResult {
    let comments = &state.services.comments;
    let text = body.value.body;
    created(comments.reply(&principal, article, comment, text).await?)
}

/// Settle a thread
///
/// Or open it again. For the same as comments.
#[utoipa::path(
    post, path = "/v1/articles/{id}/comments/{comment}/resolve", tag = "articles", request_body = ResolveBody,
    params(("id" = String, Path, description = "`art_…`"),
           ("comment" = String, Path, description = "`cmt_…`")),
    responses((status = 200, description = "The comment as it is now.", body = CommentReply,
        headers(("etag" = String, description = "Its new revision.")))),
)]
pub(crate) async fn resolve_comment(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(article, comment): PathIds<ArticleId, CommentId>,
    body: JsonBody<ResolveBody>,
) -> ApiResult {
    let comments = &state.services.comments;
    let resolved = body.value.resolved;
    shown(
        comments
            .resolve(&principal, article, comment, resolved)
            .await?,
    )
}

/// Accept a suggestion
///
/// Puts its words into the article as it is now, as a new revision. For who may change the text. 409 where others
/// have changed the same words since.
#[utoipa::path(
    post, path = "/v1/articles/{id}/comments/{comment}/accept", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("comment" = String, Path, description = "`cmt_…`")),
    responses(
        (status = 200, description = "What became of both.", body = AcceptedReply),
        (status = 409, description = "It was decided before, or the words have changed.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn accept_suggestion(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(article, comment): PathIds<ArticleId, CommentId>,
) -> ApiResult {
    let comments = &state.services.comments;
    let (article, placed) = comments.accept(&principal, article, comment).await?;
    ok(&AcceptedReply {
        article_revision: article.revision,
        comment: placed.into(),
    })
}

/// Reject a suggestion
///
/// For who may change the text, and who suggested it.
#[utoipa::path(
    post, path = "/v1/articles/{id}/comments/{comment}/reject", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("comment" = String, Path, description = "`cmt_…`")),
    responses(
        (status = 200, description = "The comment as it is now.", body = CommentReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 409, description = "It was decided before.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reject_suggestion(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(article, comment): PathIds<ArticleId, CommentId>,
) -> ApiResult {
    let comments = &state.services.comments;
    shown(comments.reject(&principal, article, comment).await?)
}

fn created(placed: Placed) -> ApiResult {
    let comment = &placed.comment;
    let path = format!("/v1/articles/{}/comments/{}", comment.article, comment.id);
    let tag = revision_tag(comment.revision);
    let mut response = json(StatusCode::CREATED, &CommentReply::from(placed))?;
    response.headers_mut().insert(LOCATION, location(path));
    Ok(tagged(response, tag))
}

fn shown(placed: Placed) -> ApiResult {
    let tag = revision_tag(placed.comment.revision);
    Ok(tagged(
        json(StatusCode::OK, &CommentReply::from(placed))?,
        tag,
    ))
}
