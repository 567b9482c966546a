//! `/v1/notifications`: what concerns the caller. Everybody has their own alone.

use axum::extract::State;
use axum::http::StatusCode;
use inkstone_domain::ids::NotificationId;
use inkstone_domain::notification::{NotificationFilter, NotificationSettings};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{ApiResult, invalid_fields};
use crate::extract::{Caller, IfMatch, JsonBody, PathId, QueryOf};
use crate::reply::{json, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::notification::{
    NotificationPatchBody, NotificationReply, NotificationSettingsBody, NotificationSettingsReply,
    ReadAllBody, ReadAllReply, UnreadReply,
};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationsQuery {
    /// True for those that are unread alone.
    #[serde(default)]
    unread: bool,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List what concerns you
///
/// Newest first: comments that name you or answer you, reviews, the ends of your jobs.
#[utoipa::path(
    get, path = "/v1/notifications", tag = "events", params(NotificationsQuery),
    responses((status = 200, description = "A page of notifications.", body = ListReply<NotificationReply>)),
)]
pub(crate) async fn list_notifications(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<NotificationsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let filter = match query.unread {
        true => NotificationFilter::Unread,
        false => NotificationFilter::All,
    };
    let notifications = &state.services.notifications;
    let found = notifications.list(&principal, filter, page).await?;
    ok(&ListReply::<NotificationReply>::page(found))
}

/// Count what is unread
#[utoipa::path(
    get, path = "/v1/notifications/unread", tag = "events",
    responses((status = 200, description = "How many are unread.", body = UnreadReply)),
)]
pub(crate) async fn count_unread(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let unread = state.services.notifications.unread(&principal).await?;
    ok(&UnreadReply { unread })
}

/// Mark all as read
///
/// Or all up to one that was seen: what came after it stays unread.
#[utoipa::path(
    post, path = "/v1/notifications/read", tag = "events", request_body = ReadAllBody,
    responses((status = 200, description = "How many were unread.", body = ReadAllReply)),
)]
pub(crate) async fn read_all_notifications(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<ReadAllBody>,
) -> ApiResult {
    let through = body.value.through.map(|id| id.parse::<NotificationId>());
    let through = through.transpose().map_err(|error| {
        let field = inkstone_domain::FieldError {
            pointer: "/through".to_owned(),
            detail: error.message().to_owned(),
        };
        invalid_fields("`through` names no notification", vec![field])
    })?;
    let notifications = &state.services.notifications;
    let marked = notifications.mark_all_read(&principal, through).await?;
    ok(&ReadAllReply { marked })
}

/// Show a notification
#[utoipa::path(
    get, path = "/v1/notifications/{id}", tag = "events",
    params(("id" = String, Path, description = "`ntf_…`")),
    responses((status = 200, description = "The notification.", body = NotificationReply)),
)]
pub(crate) async fn show_notification(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<NotificationId>,
) -> ApiResult {
    let found = state.services.notifications.get(&principal, id).await?;
    ok(&NotificationReply::from(found))
}

/// Mark a notification
///
/// As read, or as unread again.
#[utoipa::path(
    patch, path = "/v1/notifications/{id}", tag = "events", request_body = NotificationPatchBody,
    params(("id" = String, Path, description = "`ntf_…`")),
    responses((status = 200, description = "The notification as it is now.", body = NotificationReply)),
)]
pub(crate) async fn mark_notification(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<NotificationId>,
    body: JsonBody<NotificationPatchBody>,
) -> ApiResult {
    let notifications = &state.services.notifications;
    let marked = notifications.mark(&principal, id, body.value.read).await?;
    ok(&NotificationReply::from(marked))
}

/// Show what you want to hear
#[utoipa::path(
    get, path = "/v1/notifications/settings", tag = "events",
    responses((status = 200, description = "The settings.", body = NotificationSettingsReply,
        headers(("etag" = String, description = "Their revision.")))),
)]
pub(crate) async fn show_notification_settings(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    settings_reply(state.services.notifications.settings(&principal).await?)
}

/// Choose what you want to hear
///
/// Replaces the settings. What is muted is not told at all; what was told before stays.
#[utoipa::path(
    put, path = "/v1/notifications/settings", tag = "events", request_body = NotificationSettingsBody,
    params(("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The settings as they are now.", body = NotificationSettingsReply,
         headers(("etag" = String, description = "Their revision."))),
        (status = 412, description = "They were changed since; read them again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replace_notification_settings(
    State(state): State<Shared>,
    Caller(principal): Caller,
    IfMatch(revision): IfMatch,
    body: JsonBody<NotificationSettingsBody>,
) -> ApiResult {
    let wished = body.value.into_domain(principal.user)?;
    let notifications = &state.services.notifications;
    let settings = notifications.set_settings(&principal, wished, revision);
    settings_reply(settings.await?)
}

fn settings_reply(settings: NotificationSettings) -> ApiResult {
    let tag = revision_tag(settings.revision);
    let response = json(StatusCode::OK, &NotificationSettingsReply::from(settings))?;
    Ok(tagged(response, tag))
}
