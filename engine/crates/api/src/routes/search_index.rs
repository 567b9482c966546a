//! `/v1/search/index`: the index itself, for admins.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::Caller;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::search::{IndexReply, IndexReportReply, RebuiltReply};

/// Show the search index
///
/// For admins.
#[utoipa::path(
    get, path = "/v1/search/index", tag = "search",
    responses((status = 200, description = "Its size.", body = IndexReply)),
)]
pub(crate) async fn show_index(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let stats = state.services.search.index_stats(&principal).await?;
    ok(&IndexReply::from(stats))
}

/// Compare the search index with the store
///
/// For admins. Changes nothing; what is written meanwhile may be told as missing.
#[utoipa::path(
    post, path = "/v1/search/index/verify", tag = "search",
    responses((status = 200, description = "What differs.", body = IndexReportReply)),
)]
pub(crate) async fn verify_index(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let report = state.services.search.verify(&principal).await?;
    ok(&IndexReportReply::from(report))
}

/// Rebuild the search index
///
/// For admins. Answers when the new index has taken over; until then the old one answers all queries.
#[utoipa::path(
    post, path = "/v1/search/index/rebuild", tag = "search",
    responses((status = 200, description = "It is new.", body = RebuiltReply)),
)]
pub(crate) async fn rebuild_index(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let documents = state.services.search.rebuild(&principal).await?;
    ok(&RebuiltReply { documents })
}
