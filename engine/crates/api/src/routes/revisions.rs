//! `/v1/articles/{id}/revisions`: what an article was, what changed, going back, and bringing two changes
//! of the same article together.

use axum::extract::State;
use axum::http::StatusCode;
use inkstone_domain::ids::ArticleId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::articles::article_reply;
use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, JsonBody, PathId, PathRevision, QueryOf};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::article::{ArticleReply, RevisionReply};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::revision::{DiffReply, MergeBody, MergeReply};

/// Which page of the revisions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevisionsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Against which revision.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// The one before where it is left out; 0 is the empty text before the first.
    against: Option<u64>,
}

/// List revisions of an article
///
/// Newest first; for its owner and admins.
#[utoipa::path(
    get, path = "/v1/articles/{id}/revisions", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"), RevisionsQuery),
    responses((status = 200, description = "A page of revisions.", body = ListReply<RevisionReply>)),
)]
pub(crate) async fn list_revisions(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    QueryOf(query): QueryOf<RevisionsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let revisions = state
        .services
        .articles
        .revisions(&principal, id, page)
        .await?;
    ok(&ListReply::<RevisionReply>::page(revisions))
}

/// Read a revision of an article
///
/// For its owner and admins.
#[utoipa::path(
    get, path = "/v1/articles/{id}/revisions/{revision}", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("revision" = u64, Path, description = "From 1.")),
    responses((status = 200, description = "The revision.", body = RevisionReply)),
)]
pub(crate) async fn show_revision(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathRevision(id, revision): PathRevision,
) -> ApiResult {
    let articles = &state.services.articles;
    let revision = articles.revision(&principal, id, revision).await?;
    ok(&RevisionReply::from(revision))
}

/// Show what a revision changed
///
/// Word by word, in pieces: without the deleted ones they are the new text, without the inserted ones
/// the old.
#[utoipa::path(
    get, path = "/v1/articles/{id}/revisions/{revision}/diff", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("revision" = u64, Path, description = "From 1."), DiffQuery),
    responses((status = 200, description = "The fields that differ.", body = DiffReply)),
)]
pub(crate) async fn diff_revisions(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathRevision(id, revision): PathRevision,
    QueryOf(query): QueryOf<DiffQuery>,
) -> ApiResult {
    let articles = &state.services.articles;
    let diff = articles
        .diff(&principal, id, revision, query.against)
        .await?;
    ok(&DiffReply::of(id, diff))
}

/// Go back to a revision
///
/// Its text becomes a new revision; status and slug stay as they are.
#[utoipa::path(
    post, path = "/v1/articles/{id}/revisions/{revision}/restore", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("revision" = u64, Path, description = "From 1."),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is replaced.")),
    responses(
        (status = 200, description = "The article as it is now.", body = ArticleReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn restore_revision(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathRevision(id, revision): PathRevision,
    IfMatch(expected): IfMatch,
) -> ApiResult {
    let articles = &state.services.articles;
    let article = articles
        .restore_revision(&principal, id, revision, expected)
        .await?;
    article_reply(StatusCode::OK, article)
}

/// Merge a change
///
/// For whoever got 412: brings a change made on an older revision together with what others have stored since.
/// Nothing is written; send the `patch` that comes back with `if-match` of its `revision`.
#[utoipa::path(
    post, path = "/v1/articles/{id}/merge", tag = "articles", request_body = MergeBody,
    params(("id" = String, Path, description = "`art_…`")),
    responses((status = 200, description = "What both changes come to.", body = MergeReply)),
)]
pub(crate) async fn merge_change(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    body: JsonBody<MergeBody>,
) -> ApiResult {
    let MergeBody { base, patch } = body.value;
    let articles = &state.services.articles;
    let merged = articles.merge(&principal, id, base, patch.into()).await?;
    ok(&MergeReply::from(merged))
}
