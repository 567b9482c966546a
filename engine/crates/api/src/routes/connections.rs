//! `/v1/plugins/{id}/connection`: whether a provider reaches its upstream.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::{Caller, PathWord};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::plugin::ConnectionReply;
use crate::wire::problem::Problem;

/// Check a provider's connection
///
/// For admins. Asks the upstream with the cheapest call there is, which needs the credential.
#[utoipa::path(
    post, path = "/v1/plugins/{id}/connection", tag = "plugins",
    params(("id" = String, Path, description = "Its id, such as `provider-openai`.")),
    responses(
        (status = 200, description = "It works.", body = ConnectionReply),
        (status = 502, description = "The upstream refused the credential, or answered with nonsense.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The upstream cannot be reached.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn check_connection(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
) -> ApiResult {
    let models = &state.services.models;
    let reached = models.check_connection(&principal, &id).await?;
    ok(&ConnectionReply {
        plugin: id,
        reached,
    })
}
