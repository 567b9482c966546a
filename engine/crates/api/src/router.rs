//! Every route on one screen, and the one layer around them.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::middleware::edge::edge;
use crate::openapi;
use crate::routes::{
    analytics, articles, auth, chat, connections, content_types, docs, embeddings, generate,
    health, jobs, keys, me, messages, models, plugin_admin, plugin_stats, plugins, ratings,
    recordings, reports, rerank, research, responses, revisions, rollouts, search, templates,
    tools, unknown, usage,
};
use crate::state::{ApiState, Shared};

/// The whole HTTP face over these services.
pub fn router(state: ApiState) -> Router {
    let max_body_bytes = state.config.max_body_bytes;
    let state: Shared = Arc::new(state);
    let (routes, document) = documented_routes().split_for_parts();
    let document = openapi::finish(document, &state.config);
    routes
        .merge(docs::routes(&document))
        .fallback(unknown::unknown_route)
        .method_not_allowed_fallback(unknown::unknown_method)
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .layer(from_fn_with_state(Arc::clone(&state), edge))
        .with_state(state)
}

/// The routes that stand in the OpenAPI document.
pub(crate) fn documented_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(me::show_me))
        .routes(routes!(plugins::list_plugins, plugin_admin::install_plugin))
        .routes(routes!(plugin_admin::reload_plugins))
        .routes(routes!(plugins::show_plugin, plugin_admin::remove_plugin))
        .routes(routes!(plugin_admin::enable_plugin))
        .routes(routes!(
            recordings::record_calls,
            recordings::list_recordings
        ))
        .routes(routes!(recordings::read_recording))
        .routes(routes!(plugin_stats::show_plugin_stats))
        .routes(routes!(connections::check_connection))
        .routes(routes!(rollouts::show_rollout))
        .routes(routes!(rollouts::promote_canary))
        .routes(routes!(rollouts::roll_canary_back))
        .routes(routes!(rollouts::restart_rollout))
        .routes(routes!(rollouts::list_history))
        .routes(routes!(ratings::rate_answer))
        .routes(routes!(chat::create_completion))
        .routes(routes!(responses::create_response))
        .routes(routes!(messages::create_message))
        .routes(routes!(embeddings::create_embeddings))
        .routes(routes!(rerank::rank_documents))
        .routes(routes!(models::list_models))
        .routes(routes!(models::show_model))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::show_key, keys::change_key, keys::revoke_key))
        .routes(routes!(keys::rotate_key))
        .routes(routes!(usage::sum_usage))
        .routes(routes!(usage::list_attempts))
        .routes(routes!(
            usage::show_limits,
            usage::set_limits,
            usage::remove_limits
        ))
        .routes(routes!(templates::list_templates))
        .routes(routes!(generate::start_generation))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::show_job, jobs::cancel_job))
        .routes(routes!(jobs::watch_job))
        .routes(routes!(tools::list_tools))
        .routes(routes!(research::call_tool))
        .routes(routes!(reports::list_reports))
        .routes(routes!(analytics::run_report))
        .routes(routes!(articles::list_articles, articles::create_article))
        .routes(routes!(
            articles::show_article,
            articles::change_article,
            articles::delete_article
        ))
        .routes(routes!(articles::move_article))
        .routes(routes!(articles::restore_article))
        .routes(routes!(articles::show_html))
        .routes(routes!(articles::list_translations))
        .routes(routes!(articles::show_article_by_slug))
        .routes(routes!(revisions::list_revisions))
        .routes(routes!(revisions::show_revision))
        .routes(routes!(revisions::diff_revisions))
        .routes(routes!(revisions::restore_revision))
        .routes(routes!(revisions::merge_change))
        .routes(routes!(articles::show_provenance))
        .routes(routes!(
            content_types::list_content_types,
            content_types::create_content_type
        ))
        .routes(routes!(
            content_types::show_content_type,
            content_types::replace_content_type
        ))
        .routes(routes!(search::find_articles))
        .routes(routes!(health::show_alive))
        .routes(routes!(health::show_ready))
        .routes(routes!(health::show_metrics))
}
