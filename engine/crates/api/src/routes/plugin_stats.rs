//! `/v1/plugins/{id}/stats`: what each loaded version came to.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::{Caller, PathWord};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::plugin_version::PluginStatsReply;

/// Show what a plugin came to
///
/// For admins. Every number of a version is since that was loaded, every number of `outbound` since the engine started.
#[utoipa::path(
    get, path = "/v1/plugins/{id}/stats", tag = "plugins",
    params(("id" = String, Path, description = "Its id, such as `provider-openai`.")),
    responses((status = 200, description = "The counters of every loaded version, and of what egress refused.", body = PluginStatsReply)),
)]
pub(crate) async fn show_plugin_stats(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
) -> ApiResult {
    let results = state.services.plugins.results(&principal, &id)?;
    ok(&PluginStatsReply::new(id, results))
}
