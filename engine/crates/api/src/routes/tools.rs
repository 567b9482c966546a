//! `/v1/tools`: what can be looked up.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::Caller;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::offer::OfferReply;
use crate::wire::page::ListReply;

/// List research tools
///
/// Send an input that fits `input_schema` to `path`.
#[utoipa::path(
    get, path = "/v1/tools", tag = "research",
    responses((status = 200, description = "All tools, by plugin.", body = ListReply<OfferReply>)),
)]
pub(crate) async fn list_tools(State(state): State<Shared>, _: Caller) -> ApiResult {
    ok(&ListReply::<OfferReply>::whole(
        state.services.research.list(),
    ))
}
