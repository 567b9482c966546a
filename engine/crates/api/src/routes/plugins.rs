//! `/v1/plugins`: the configured plugins.

use axum::extract::State;
use inkstone_domain::principal::Principal;
use inkstone_services::plugins::PluginStatus;

use crate::error::ApiResult;
use crate::extract::{Caller, PathWord};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::page::ListReply;
use crate::wire::plugin::PluginReply;

/// List plugins
///
/// Admins see `details` beside: what each plugin asks for, was granted and was refused.
#[utoipa::path(
    get, path = "/v1/plugins", tag = "plugins",
    responses((status = 200, description = "All configured plugins, by id.", body = ListReply<PluginReply>)),
)]
pub(crate) async fn list_plugins(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let plugins = state.services.plugins.list();
    let replies = plugins
        .into_iter()
        .map(|status| seen_by(&principal, status));
    ok(&ListReply::<PluginReply>::whole(replies))
}

/// Show a plugin
#[utoipa::path(
    get, path = "/v1/plugins/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Its id, such as `generator-article`.")),
    responses((status = 200, description = "The plugin.", body = PluginReply)),
)]
pub(crate) async fn show_plugin(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
) -> ApiResult {
    let status = state.services.plugins.get(&id)?;
    ok(&seen_by(&principal, status))
}

fn seen_by(principal: &Principal, status: PluginStatus) -> PluginReply {
    match principal.is_admin() {
        true => PluginReply::for_admins(status),
        false => PluginReply::for_everybody(status),
    }
}
