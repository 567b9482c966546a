//! `/v1/plugins/{id}/stats`: what each loaded version came to.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::{Caller, PathWord};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::plugin_version::PluginStatsReply;

/// Show what a plugin's versions came to
///
/// For admins. Every number is since the version was loaded.
#[utoipa::path(
    get, path = "/v1/plugins/{id}/stats", tag = "plugins",
    params(("id" = String, Path, description = "Its id, such as `provider-openai`.")),
    responses((status = 200, description = "The counters of every loaded version.", body = PluginStatsReply)),
)]
pub(crate) async fn show_plugin_stats(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
) -> ApiResult {
    let versions = state.services.plugins.results(&principal, &id)?;
    ok(&PluginStatsReply {
        versions: versions.into_iter().map(Into::into).collect(),
        plugin: id,
    })
}
