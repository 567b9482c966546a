//! `/v1/ratings`: what people thought of answers.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::plugin_version::{RatedReply, RatingBody};
use crate::wire::problem::Problem;

/// Rate an answer
///
/// One's own, while it is among the latest ten thousand calls. It counts for the version of the plugin
/// that answered, and can be compared there.
#[utoipa::path(
    post, path = "/v1/ratings", tag = "plugins", request_body = RatingBody,
    responses(
        (status = 200, description = "It was counted.", body = RatedReply),
        (status = 404, description = "There is no such answer of one's own.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was rated already.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rate_answer(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<RatingBody>,
) -> ApiResult {
    let RatingBody { request_id, rating } = body.value;
    let plugins = &state.services.plugins;
    let rated = plugins.rate(&principal, &request_id, rating)?;
    ok(&RatedReply::from(rated))
}
