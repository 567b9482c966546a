//! `/v1/plugins` for admins: reload, enable, install, remove.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_services::plugins::InstallGrants;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PackageBody, PathWord, QueryOf};
use crate::reply::{json, location, no_content, ok};
use crate::state::Shared;
use crate::wire::plugin::PluginReply;
use crate::wire::plugin_admin::{EnabledBody, GrantWord, InstallBody, InstallReply, ReloadReply};
use crate::wire::problem::Problem;

/// How a plugin is installed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InstallQuery {
    /// `all` grants what the manifest asks for; otherwise nothing is granted beyond what was before.
    #[param(inline)]
    grant: Option<GrantWord>,
}

/// Reload the plugins
///
/// Reads the list and the packages anew. What cannot be loaded is in `failed`, and its version before
/// goes on serving. Calls under way finish with the version they began with.
#[utoipa::path(
    post, path = "/v1/plugins/reload", tag = "plugins",
    responses(
        (status = 200, description = "What was reloaded.", body = ReloadReply),
        (status = 400, description = "The list is not valid; nothing was changed.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reload_plugins(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let report = state.services.plugins.reload_for(&principal).await?;
    ok(&ReloadReply::from(report))
}

/// Enable or disable a plugin
///
/// Changes one word of the list, and reloads.
#[utoipa::path(
    put, path = "/v1/plugins/{id}/enabled", tag = "plugins", request_body = EnabledBody,
    params(("id" = String, Path, description = "Its id, such as `generator-article`.")),
    responses(
        (status = 200, description = "The plugin.", body = PluginReply),
        (status = 409, description = "The list cannot be written.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn enable_plugin(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
    body: JsonBody<EnabledBody>,
) -> ApiResult {
    let plugins = &state.services.plugins;
    let (plugin, _) = plugins
        .set_enabled(&principal, &id, body.value.enabled)
        .await?;
    ok(&PluginReply::for_admins(plugin))
}

/// Install a plugin
///
/// The body is the package itself, or JSON that says where it lies. The package is checked, put into
/// the folder of plugins and on the list, and loaded. A plugin that is there already is upgraded: its
/// grants and settings stay.
#[utoipa::path(
    post, path = "/v1/plugins", tag = "plugins", params(InstallQuery),
    request_body(content(
        (Vec<u8> = "application/octet-stream"),
        (InstallBody = "application/json"),
    )),
    responses(
        (status = 201, description = "The plugin, and what the reload did.", body = InstallReply,
         headers(("location" = String, description = "Where it is."))),
        (status = 409, description = "The folder or the list of plugins cannot be written.", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The registry or web server answered with an error.", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "The registry or web server did not answer in time.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn install_plugin(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<InstallQuery>,
    PackageBody(source): PackageBody,
) -> ApiResult<Response> {
    let grants = query.grant.map_or(InstallGrants::Present, Into::into);
    let plugins = &state.services.plugins;
    let installation = plugins.install(&principal, source, grants).await?;
    let location = location(format!("/v1/plugins/{}", installation.plugin.id));
    let mut response = json(StatusCode::CREATED, &InstallReply::from(installation))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Remove a plugin
///
/// Takes it off the list, and reloads. Its package stays; calls under way finish.
#[utoipa::path(
    delete, path = "/v1/plugins/{id}", tag = "plugins",
    params(("id" = String, Path, description = "Its id, such as `generator-article`.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "The list cannot be written.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove_plugin(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
) -> ApiResult<Response> {
    state.services.plugins.remove(&principal, &id).await?;
    Ok(no_content())
}
