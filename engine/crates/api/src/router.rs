//! Every route on one screen, and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::middleware::compression::compression;
use crate::middleware::cors::cors;
use crate::middleware::edge::{edge, net};
use crate::middleware::repeats::repeats;
use crate::openapi;
use crate::routes::{
    analytics, answers, api_keys, articles, audit, auth, batches, bulk, calendar, chat, comments,
    connections, content_types, conversations, docs, embeddings, event_socket, events, exports,
    generate, health, identities, invitations, jobs, keys, me, media, media_content, members,
    messages, models, notes, notifications, oidc, plugin_admin, plugin_stats, plugins, projects,
    prompts, ratings, recordings, related, reports, rerank, research, responses, revisions,
    rollouts, saved_searches, schedules, search, search_index, search_settings, second_factor,
    sessions, signing_keys, signup, tags, templates, tools, transfers, unknown, uploads, usage,
    users, webhooks,
};
use crate::state::{ApiState, Shared};

/// The whole HTTP face over these services.
pub fn router(state: ApiState) -> Router {
    let max_body_bytes = state.config.max_body_bytes;
    let state: Shared = Arc::new(state);
    let (routes, _document) = documented_routes().split_for_parts();
    let cors = cors(&state.config.cors);
    let routes = routes
        .merge(docs::routes())
        .merge(uploads::discovery())
        .route_layer(from_fn_with_state(Arc::clone(&state), repeats))
        .fallback(unknown::unknown_route)
        .method_not_allowed_fallback(unknown::unknown_method)
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .layer(from_fn_with_state(Arc::clone(&state), net));
    // Around all that refuses: refusals too are for pages to read.
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes
        .layer(from_fn_with_state(Arc::clone(&state), edge))
        .layer(compression())
        .with_state(state)
}

/// What an engine answers that works for others and serves nobody: whether it is well.
pub fn worker_router(state: ApiState) -> Router {
    let state: Shared = Arc::new(state);
    Router::new()
        .route("/livez", get(health::show_alive))
        .route("/readyz", get(health::show_ready))
        .route("/metrics", get(health::show_metrics))
        .fallback(unknown::not_of_a_worker)
        .layer(from_fn_with_state(Arc::clone(&state), net))
        .layer(from_fn_with_state(Arc::clone(&state), edge))
        .with_state(state)
}

/// The routes that stand in the OpenAPI document.
pub(crate) fn documented_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(signup::sign_up))
        .routes(routes!(signup::verify_email))
        .routes(routes!(signup::forgot_password))
        .routes(routes!(signup::reset_password))
        .routes(routes!(oidc::list_issuers))
        .routes(routes!(oidc::start_sign_in))
        .routes(routes!(oidc::finish_at_issuer))
        .routes(routes!(oidc::spend_ticket))
        .routes(routes!(signing_keys::show_public_keys))
        .routes(routes!(signing_keys::rotate_signing_key))
        .routes(routes!(me::show_me, me::change_me))
        .routes(routes!(me::change_password))
        .routes(routes!(
            sessions::list_sessions,
            sessions::end_other_sessions
        ))
        .routes(routes!(sessions::end_session))
        .routes(routes!(
            second_factor::show_second_factor,
            second_factor::begin_second_factor
        ))
        .routes(routes!(second_factor::confirm_second_factor))
        .routes(routes!(second_factor::remove_second_factor))
        .routes(routes!(identities::list_identities))
        .routes(routes!(identities::start_linking))
        .routes(routes!(identities::unlink_identity))
        .routes(routes!(api_keys::list_api_keys, api_keys::create_api_key))
        .routes(routes!(api_keys::remove_api_key))
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(users::show_user, users::change_user))
        .routes(routes!(users::take_second_factor))
        .routes(routes!(invitations::list_invitations, invitations::invite))
        .routes(routes!(invitations::withdraw_invitation))
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
        .routes(routes!(jobs::show_log))
        .routes(routes!(jobs::requeue_job))
        .routes(routes!(batches::start_batch))
        .routes(routes!(batches::show_batch))
        .routes(routes!(
            schedules::list_schedules,
            schedules::create_schedule
        ))
        .routes(routes!(
            schedules::show_schedule,
            schedules::change_schedule,
            schedules::remove_schedule
        ))
        .routes(routes!(schedules::run_schedule))
        .routes(routes!(schedules::list_schedule_runs))
        .routes(routes!(calendar::show_calendar, calendar::plan_generations))
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
        .routes(routes!(bulk::change_articles))
        .routes(routes!(articles::move_article))
        .routes(routes!(articles::restore_article))
        .routes(routes!(articles::show_html))
        .routes(routes!(articles::list_translations))
        .routes(routes!(related::list_related))
        .routes(routes!(articles::show_article_by_slug))
        .routes(routes!(revisions::list_revisions))
        .routes(routes!(revisions::show_revision))
        .routes(routes!(revisions::diff_revisions))
        .routes(routes!(revisions::restore_revision))
        .routes(routes!(revisions::merge_change))
        .routes(routes!(articles::show_provenance))
        .routes(routes!(comments::list_comments, comments::write_comment))
        .routes(routes!(
            comments::show_comment,
            comments::change_comment,
            comments::delete_comment
        ))
        .routes(routes!(comments::reply_to_comment))
        .routes(routes!(comments::resolve_comment))
        .routes(routes!(comments::accept_suggestion))
        .routes(routes!(comments::reject_suggestion))
        .routes(routes!(comments::suggest_words))
        .routes(routes!(projects::list_projects, projects::create_project))
        .routes(routes!(
            projects::show_project,
            projects::change_project,
            projects::archive_project
        ))
        .routes(routes!(members::list_members))
        .routes(routes!(
            members::show_member,
            members::set_member,
            members::remove_member
        ))
        .routes(routes!(tags::list_tags))
        .routes(routes!(tags::remove_tag))
        .routes(routes!(tags::rename_tag))
        .routes(routes!(tags::merge_tag))
        .routes(routes!(prompts::list_prompts, prompts::create_prompt))
        .routes(routes!(prompts::show_prompt))
        .routes(routes!(
            prompts::list_prompt_versions,
            prompts::add_prompt_version
        ))
        .routes(routes!(prompts::render_prompt))
        .routes(routes!(prompts::test_prompt))
        .routes(routes!(notes::list_notes, notes::create_note))
        .routes(routes!(
            notes::show_note,
            notes::change_note,
            notes::delete_note
        ))
        .routes(routes!(transfers::list_imports, transfers::import_file))
        .routes(routes!(transfers::show_import, transfers::cancel_import))
        .routes(routes!(transfers::read_report))
        .routes(routes!(transfers::export_project))
        .routes(routes!(exports::begin_export))
        .routes(routes!(exports::show_export))
        .routes(routes!(exports::read_export))
        .routes(routes!(media::list_media, media::upload_file))
        .routes(routes!(
            media::show_medium,
            media::change_medium,
            media::delete_medium
        ))
        .routes(routes!(media::restore_medium))
        .routes(routes!(media::list_versions))
        .routes(routes!(media::make_link))
        .routes(routes!(
            media_content::read_content,
            media_content::replace_content
        ))
        .routes(routes!(uploads::begin_upload))
        .routes(routes!(
            uploads::show_upload,
            uploads::continue_upload,
            uploads::end_upload
        ))
        .routes(routes!(conversations::say_in_chat))
        .routes(routes!(conversations::list_chats))
        .routes(routes!(
            conversations::show_chat,
            conversations::change_chat,
            conversations::delete_chat
        ))
        .routes(routes!(conversations::list_chat_messages))
        .routes(routes!(conversations::stop_answer))
        .routes(routes!(events::follow_events))
        .routes(routes!(event_socket::open_event_socket))
        .routes(routes!(events::list_handlers))
        .routes(routes!(events::replay_events))
        .routes(routes!(
            webhooks::list_project_webhooks,
            webhooks::create_project_webhook
        ))
        .routes(routes!(webhooks::list_webhooks, webhooks::create_webhook))
        .routes(routes!(
            webhooks::show_webhook,
            webhooks::change_webhook,
            webhooks::remove_webhook
        ))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(webhooks::ping_webhook))
        .routes(routes!(webhooks::list_deliveries))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(notifications::list_notifications))
        .routes(routes!(notifications::count_unread))
        .routes(routes!(notifications::read_all_notifications))
        .routes(routes!(
            notifications::show_notification_settings,
            notifications::replace_notification_settings
        ))
        .routes(routes!(
            notifications::show_notification,
            notifications::mark_notification
        ))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::show_audit_head))
        .routes(routes!(audit::export_audit))
        .routes(routes!(
            content_types::list_content_types,
            content_types::create_content_type
        ))
        .routes(routes!(
            content_types::show_content_type,
            content_types::replace_content_type
        ))
        .routes(routes!(search::find_articles, search::search_articles))
        .routes(routes!(search::complete_words))
        .routes(routes!(answers::answer_question))
        .routes(routes!(
            search_settings::show_search_settings,
            search_settings::replace_search_settings
        ))
        .routes(routes!(
            saved_searches::list_saved_searches,
            saved_searches::save_search
        ))
        .routes(routes!(
            saved_searches::show_saved_search,
            saved_searches::remove_saved_search
        ))
        .routes(routes!(search_index::show_index))
        .routes(routes!(search_index::verify_index))
        .routes(routes!(search_index::rebuild_index))
        .routes(routes!(health::show_alive))
        .routes(routes!(health::show_ready))
        .routes(routes!(health::show_metrics))
}
