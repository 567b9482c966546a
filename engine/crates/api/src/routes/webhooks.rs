//! `/v1/webhooks`, and `/v1/projects/{slug}/webhooks`: addresses of others that are told what happens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::webhook::Webhook;
use inkstone_services::webhooks::WithSecret;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, JsonBody, PathId, PathIds, PathWord, QueryOf};
use crate::reply::{json, location, no_content, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::webhook::{
    DeliveryReply, NewWebhookBody, NewWebhookReply, SecretRotationBody, WebhookPatchBody,
    WebhookReply,
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WebhooksQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the webhooks of a project
///
/// For its owners.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/webhooks", tag = "events",
    params(("slug" = String, Path, description = "Such as `handbook`."), WebhooksQuery),
    responses((status = 200, description = "A page of webhooks.", body = ListReply<WebhookReply>)),
)]
pub(crate) async fn list_project_webhooks(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<WebhooksQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let webhooks = &state.services.webhooks;
    let found = webhooks.list(&principal, Some(&slug), page).await?;
    ok(&ListReply::<WebhookReply>::page(found))
}

/// Add a webhook to a project
///
/// It is told what happens in the project, but for chats. For its owners.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/webhooks", tag = "events", request_body = NewWebhookBody,
    params(("slug" = String, Path, description = "Such as `handbook`.")),
    responses(
        (status = 201, description = "The webhook, and its secret.", body = NewWebhookReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_project_webhook(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    body: JsonBody<NewWebhookBody>,
) -> ApiResult {
    let new = body.value.into_domain()?;
    let webhooks = &state.services.webhooks;
    created(webhooks.create(&principal, Some(&slug), new).await?)
}

/// List the webhooks of the engine
///
/// Those that are told all that happens. For admins.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "events", params(WebhooksQuery),
    responses((status = 200, description = "A page of webhooks.", body = ListReply<WebhookReply>)),
)]
pub(crate) async fn list_webhooks(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<WebhooksQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let webhooks = &state.services.webhooks;
    let found = webhooks.list(&principal, None, page).await?;
    ok(&ListReply::<WebhookReply>::page(found))
}

/// Add a webhook to the engine
///
/// It is told all that happens, but for chats. For admins.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "events", request_body = NewWebhookBody,
    responses(
        (status = 201, description = "The webhook, and its secret.", body = NewWebhookReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
    ),
)]
pub(crate) async fn create_webhook(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<NewWebhookBody>,
) -> ApiResult {
    let new = body.value.into_domain()?;
    let webhooks = &state.services.webhooks;
    created(webhooks.create(&principal, None, new).await?)
}

/// Show a webhook
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", tag = "events",
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "The webhook.", body = WebhookReply,
        headers(("etag" = String, description = "Its revision.")))),
)]
pub(crate) async fn show_webhook(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<WebhookId>,
) -> ApiResult {
    let webhook = state.services.webhooks.get(&principal, id).await?;
    webhook_reply(StatusCode::OK, webhook)
}

/// Change a webhook
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", tag = "events", request_body = WebhookPatchBody,
    params(("id" = String, Path, description = "`whk_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The webhook as it is now.", body = WebhookReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_webhook(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<WebhookId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<WebhookPatchBody>,
) -> ApiResult {
    let patch = body.value.into_domain()?;
    let webhooks = &state.services.webhooks;
    let webhook = webhooks.update(&principal, id, patch, revision).await?;
    webhook_reply(StatusCode::OK, webhook)
}

/// Remove a webhook
///
/// With all that was sent to it.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "events",
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 204, description = "There is no such webhook.")),
)]
pub(crate) async fn remove_webhook(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<WebhookId>,
) -> ApiResult<Response> {
    state.services.webhooks.remove(&principal, id).await?;
    Ok(no_content())
}

/// Give a webhook another secret
///
/// Deliveries are signed with those of before, too, until they have run out.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/secrets", tag = "events", request_body = SecretRotationBody,
    params(("id" = String, Path, description = "`whk_…`")),
    responses(
        (status = 200, description = "The webhook, and its new secret.", body = NewWebhookReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 409, description = "Too many secrets hold already.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rotate_webhook_secret(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<WebhookId>,
    body: JsonBody<SecretRotationBody>,
) -> ApiResult {
    let webhooks = &state.services.webhooks;
    let overlap = body.value.overlap();
    let rotated = webhooks.rotate_secret(&principal, id, overlap).await?;
    let tag = revision_tag(rotated.webhook.revision);
    let response = json(StatusCode::OK, &NewWebhookReply::from(rotated))?;
    Ok(tagged(response, tag))
}

/// Try a webhook
///
/// Sends a message of the type `webhook.ping`.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/ping", tag = "events",
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 202, description = "The message; `GET …/deliveries` tells what became of it.", body = DeliveryReply)),
)]
pub(crate) async fn ping_webhook(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<WebhookId>,
) -> ApiResult {
    let delivery = state.services.webhooks.ping(&principal, id).await?;
    json(StatusCode::ACCEPTED, &DeliveryReply::from(delivery))
}

/// List what was sent to a webhook
///
/// Newest first, with every try.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", tag = "events",
    params(("id" = String, Path, description = "`whk_…`"), WebhooksQuery),
    responses((status = 200, description = "A page of messages.", body = ListReply<DeliveryReply>)),
)]
pub(crate) async fn list_deliveries(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<WebhookId>,
    QueryOf(query): QueryOf<WebhooksQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let webhooks = &state.services.webhooks;
    let found = webhooks.deliveries(&principal, id, page).await?;
    ok(&ListReply::<DeliveryReply>::page(found))
}

/// Send a message to a webhook again
///
/// Under the same id, with all its tries.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/deliveries/{event}/redeliver", tag = "events",
    params(("id" = String, Path, description = "`whk_…`"),
           ("event" = String, Path, description = "`evt_…`")),
    responses((status = 202, description = "The message.", body = DeliveryReply)),
)]
pub(crate) async fn redeliver(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathIds(id, event): PathIds<WebhookId, EventId>,
) -> ApiResult {
    let webhooks = &state.services.webhooks;
    let delivery = webhooks.redeliver(&principal, id, event).await?;
    json(StatusCode::ACCEPTED, &DeliveryReply::from(delivery))
}

fn created(made: WithSecret) -> ApiResult {
    let place = location(format!("/v1/webhooks/{}", made.webhook.id));
    let tag = revision_tag(made.webhook.revision);
    let mut response = json(StatusCode::CREATED, &NewWebhookReply::from(made))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(tagged(response, tag))
}

fn webhook_reply(status: StatusCode, webhook: Webhook) -> ApiResult {
    let tag = revision_tag(webhook.revision);
    let response = json(status, &WebhookReply::from(webhook))?;
    Ok(tagged(response, tag))
}
