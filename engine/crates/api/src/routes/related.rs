//! `/v1/articles/{id}/related`: what is like an article.

use axum::extract::State;
use inkstone_domain::content::Status;
use inkstone_domain::ids::ArticleId;
use inkstone_services::content::RelatedRequest;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, PathId, QueryOf};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::article::StatusWord;
use crate::wire::page::{ListReply, limit_of};
use crate::wire::related::RelatedReply;

/// Which of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RelatedQuery {
    #[serde(rename = "filter[status]")]
    status: Option<StatusWord>,
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
}

/// List related articles
///
/// Those that share tags, categories or words with the article, best first, among those that the caller may
/// read. Its translations are not among them. The search index decides, and may lag a moment behind.
#[utoipa::path(
    get, path = "/v1/articles/{id}/related", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"), RelatedQuery),
    responses((status = 200, description = "The best of them.", body = ListReply<RelatedReply>)),
)]
pub(crate) async fn list_related(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    QueryOf(query): QueryOf<RelatedQuery>,
) -> ApiResult {
    let request = RelatedRequest {
        project: query.project,
        status: query.status.map(Status::from),
        limit: limit_of(query.limit)?,
    };
    let related = state.services.related.find(&principal, id, request).await?;
    ok(&ListReply::<RelatedReply>::whole(related))
}
