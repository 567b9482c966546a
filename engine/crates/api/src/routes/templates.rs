//! `/v1/templates`: what can be generated.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::Caller;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::offer::OfferReply;
use crate::wire::page::ListReply;

/// List templates
///
/// Send an input that fits `input_schema` to `path`.
#[utoipa::path(
    get, path = "/v1/templates", tag = "generation",
    responses((status = 200, description = "All templates, by plugin.", body = ListReply<OfferReply>)),
)]
pub(crate) async fn list_templates(State(state): State<Shared>, _: Caller) -> ApiResult {
    ok(&ListReply::<OfferReply>::whole(
        state.services.jobs.templates(),
    ))
}
