//! `/v1/reports`: what can be analysed.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::Caller;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::offer::OfferReply;
use crate::wire::page::ListReply;

/// List reports
///
/// Send an input that fits `input_schema` to `path`.
#[utoipa::path(
    get, path = "/v1/reports", tag = "analytics",
    responses((status = 200, description = "All reports, by plugin.", body = ListReply<OfferReply>)),
)]
pub(crate) async fn list_reports(State(state): State<Shared>, _: Caller) -> ApiResult {
    ok(&ListReply::<OfferReply>::whole(
        state.services.analytics.list(),
    ))
}
