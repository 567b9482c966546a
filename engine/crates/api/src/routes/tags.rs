//! `/v1/projects/{slug}/tags`: the tags of a project's articles.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathWord, PathWords, QueryOf};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::tag::{MergeTagBody, RenameTagBody, RetaggedReply, TagReply};

/// Which page of the tags.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TagsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the tags of a project
///
/// By name, with how many articles have them; in `default` those of what is published. For members.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/tags", tag = "articles",
    params(("slug" = String, Path, description = "Such as `handbook`."), TagsQuery),
    responses((status = 200, description = "A page of tags.", body = ListReply<TagReply>)),
)]
pub(crate) async fn list_tags(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<TagsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let tags = state.services.tags.list(&principal, &slug, page).await?;
    ok(&ListReply::<TagReply>::page(tags))
}

/// Rename a tag
///
/// On every article of the project that has it, each with a new revision; in `default` on the caller's own. For
/// editors. 409 where the project has a tag of the new name: merge them instead.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/tags/{tag}/rename", tag = "articles", request_body = RenameTagBody,
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("tag" = String, Path, description = "The tag as it is.")),
    responses(
        (status = 200, description = "How many were changed.", body = RetaggedReply),
        (status = 409, description = "There is a tag of that name.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rename_tag(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(slug, tag): PathWords,
    body: JsonBody<RenameTagBody>,
) -> ApiResult {
    let tags = &state.services.tags;
    let done = tags.rename(&principal, &slug, &tag, &body.value.to).await?;
    ok(&RetaggedReply::from(done))
}

/// Merge a tag into another
///
/// As renaming, where the other is there already.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/tags/{tag}/merge", tag = "articles", request_body = MergeTagBody,
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("tag" = String, Path, description = "The tag that goes.")),
    responses((status = 200, description = "How many were changed.", body = RetaggedReply)),
)]
pub(crate) async fn merge_tag(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(slug, tag): PathWords,
    body: JsonBody<MergeTagBody>,
) -> ApiResult {
    let tags = &state.services.tags;
    let done = tags.merge(&principal, &slug, &tag, &body.value.into);
    ok(&RetaggedReply::from(done.await?))
}

/// Take a tag away
///
/// From every article of the project that has it, each with a new revision; in `default` from the caller's own.
/// For editors.
#[utoipa::path(
    delete, path = "/v1/projects/{slug}/tags/{tag}", tag = "articles",
    params(("slug" = String, Path, description = "Such as `handbook`."),
           ("tag" = String, Path, description = "The tag that goes.")),
    responses((status = 200, description = "How many were changed.", body = RetaggedReply)),
)]
pub(crate) async fn remove_tag(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(slug, tag): PathWords,
) -> ApiResult {
    let done = state.services.tags.remove(&principal, &slug, &tag).await?;
    ok(&RetaggedReply::from(done))
}
