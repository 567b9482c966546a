//! `/v1/plugins/{id}/rollout` and `/v1/plugins/{id}/history`: two versions of a plugin at once, and
//! what served when. For admins.

use axum::extract::State;
use inkstone_services::plugins::RolloutAct;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathWord, QueryOf};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::plugin_version::{RolloutReply, ServedReply, SteerBody};
use crate::wire::problem::Problem;

/// Which page of the history.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Show a rollout
///
/// The plan, how far the canary has come, and what both versions came to.
#[utoipa::path(
    get, path = "/v1/plugins/{id}/rollout", tag = "plugins",
    params(("id" = String, Path, description = "Id of a plugin whose entry has a rollout.")),
    responses((status = 200, description = "The rollout.", body = RolloutReply)),
)]
pub(crate) async fn show_rollout(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
) -> ApiResult {
    let view = state.services.plugins.rollout(&principal, &id)?;
    ok(&RolloutReply::from(view))
}

/// Promote a canary
///
/// It serves everybody at once, until the list of plugins says otherwise.
#[utoipa::path(
    post, path = "/v1/plugins/{id}/rollout/promote", tag = "plugins", request_body = SteerBody,
    params(("id" = String, Path, description = "Id of a plugin whose entry has a rollout.")),
    responses(
        (status = 200, description = "The rollout.", body = RolloutReply),
        (status = 409, description = "The canary is not loaded.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn promote_canary(
    state: State<Shared>,
    caller: Caller,
    id: PathWord,
    body: JsonBody<SteerBody>,
) -> ApiResult {
    let reason = body.value.reason;
    steer(state, caller, id, RolloutAct::Promote { reason }).await
}

/// Roll a canary back
///
/// It serves nobody any more, but admins who name its version. Calls under way finish.
#[utoipa::path(
    post, path = "/v1/plugins/{id}/rollout/rollback", tag = "plugins", request_body = SteerBody,
    params(("id" = String, Path, description = "Id of a plugin whose entry has a rollout.")),
    responses(
        (status = 200, description = "The rollout.", body = RolloutReply),
        (status = 409, description = "The canary is not loaded.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn roll_canary_back(
    state: State<Shared>,
    caller: Caller,
    id: PathWord,
    body: JsonBody<SteerBody>,
) -> ApiResult {
    let reason = body.value.reason;
    steer(state, caller, id, RolloutAct::RollBack { reason }).await
}

/// Begin a rollout anew
///
/// With the share of the plan's beginning.
#[utoipa::path(
    post, path = "/v1/plugins/{id}/rollout/restart", tag = "plugins", request_body = SteerBody,
    params(("id" = String, Path, description = "Id of a plugin whose entry has a rollout.")),
    responses(
        (status = 200, description = "The rollout.", body = RolloutReply),
        (status = 409, description = "The canary is not loaded.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn restart_rollout(
    state: State<Shared>,
    caller: Caller,
    id: PathWord,
    body: JsonBody<SteerBody>,
) -> ApiResult {
    let reason = body.value.reason;
    steer(state, caller, id, RolloutAct::Restart { reason }).await
}

/// Show what served when
///
/// Newest first: each version with its share of the calls, from when to when, and why.
#[utoipa::path(
    get, path = "/v1/plugins/{id}/history", tag = "plugins",
    params(("id" = String, Path, description = "Id of a plugin, also of one that was removed."), HistoryQuery),
    responses((status = 200, description = "A page of the history.", body = ListReply<ServedReply>)),
)]
pub(crate) async fn list_history(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
    QueryOf(query): QueryOf<HistoryQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let history = state
        .services
        .plugins
        .history(&principal, &id, page)
        .await?;
    ok(&ListReply::<ServedReply>::page(history))
}

async fn steer(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
    act: RolloutAct,
) -> ApiResult {
    let plugins = &state.services.plugins;
    let view = plugins.steer_rollout(&principal, &id, act).await?;
    ok(&RolloutReply::from(view))
}
