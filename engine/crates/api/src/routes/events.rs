//! `/v1/events`: what happens, as server-sent events, and the handlers of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use inkstone_domain::event::Told;
use inkstone_domain::ids::EventId;
use inkstone_domain::{FieldError, Result};
use inkstone_services::events::{Beginning, FeedEnd, FeedFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{ApiResult, invalid_fields, status_of};
use crate::extract::{Caller, JsonBody, PathWord, QueryOf};
use crate::middleware::RequestId;
use crate::middleware::failure::log_failure;
use crate::reply::{no_content, ok};
use crate::state::Shared;
use crate::wire::event::{FeedEventReply, HandlerReply, NoticeReply, ReplayBody, kinds_of};
use crate::wire::page::ListReply;
use crate::wire::problem::Problem;

/// A comment this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Then a client comes again and shows who it is.
pub(super) const LONGEST: Duration = Duration::from_secs(15 * 60);
const LAST_EVENT_ID: &str = "last-event-id";

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Types with commas between, such as `article.created,article.updated`; all where it is left out.
    types: Option<String>,
    /// Slug of a project; all where it is left out.
    project: Option<String>,
    /// `evt_…`: begin after this event. `Last-Event-ID` goes before it.
    after: Option<String>,
    /// Begin with what happened at this instant.
    since: Option<DateTime<Utc>>,
    /// False ends the stream where there is nothing more now. Default: true
    follow: Option<bool>,
}

/// Follow events
///
/// Server-sent events, each with its type as `event`, its id as `id` and itself as `data`, as far as the
/// caller may read what they tell of. Each comes at least once, those of one thing in their order. Without
/// a beginning they are those from now on. A stream ends after a quarter of an hour: come again with the
/// last id as `Last-Event-ID`, as browsers do by themselves. `error` (a problem) ends it as well.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(EventsQuery, ("last-event-id" = Option<String>, Header, description = "`evt_…` of the last event that was seen.")),
    responses(
        (status = 200, description = "The events.", content((FeedEventReply = "text/event-stream"))),
        (status = 404, description = "The event to go on after is not kept any more.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn follow_events(
    State(state): State<Shared>,
    Caller(principal): Caller,
    request_id: RequestId,
    headers: HeaderMap,
    QueryOf(query): QueryOf<EventsQuery>,
) -> ApiResult<Response> {
    let beginning = beginning(&query, &headers)?;
    let types = query.types.as_deref().unwrap_or_default();
    let types = types.split(',').map(str::trim).filter(|it| !it.is_empty());
    let filter = FeedFilter {
        kinds: kinds_of(types, "?types")?,
        project: query.project,
    };
    let end = match query.follow {
        Some(false) => FeedEnd::Present,
        _ => FeedEnd::Never,
    };
    let events = &state.services.events;
    let feed = events.feed(&principal, filter, beginning, end).await?;
    let events = feed
        .take_until(tokio::time::sleep(LONGEST))
        .map(move |told| Ok::<_, Infallible>(event_of(told, &request_id)));
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// List the handlers of events
///
/// How far each is, those of plugins among them, and what it could not handle. For admins.
#[utoipa::path(
    get, path = "/v1/events/handlers", tag = "events",
    responses((status = 200, description = "The handlers.", body = ListReply<HandlerReply>)),
)]
pub(crate) async fn list_handlers(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let states = state.services.events.handler_states(&principal).await?;
    ok(&ListReply::<HandlerReply>::whole(states))
}

/// Let a handler handle events again
///
/// All that happened from an instant on, in whichever engine the handler is. For admins.
#[utoipa::path(
    post, path = "/v1/events/handlers/{name}/replay", tag = "events", request_body = ReplayBody,
    params(("name" = String, Path, description = "Such as `webhooks`, or `plugin:subscriber-chat`.")),
    responses(
        (status = 204, description = "It goes on from there."),
        (status = 404, description = "There is no such handler.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replay_events(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(name): PathWord,
    body: JsonBody<ReplayBody>,
) -> ApiResult<Response> {
    let events = &state.services.events;
    events.replay(&principal, &name, body.value.since).await?;
    Ok(no_content())
}

fn beginning(query: &EventsQuery, headers: &HeaderMap) -> Result<Beginning> {
    let last = headers.get(LAST_EVENT_ID);
    let last = last.and_then(|value| value.to_str().ok());
    let after = last.filter(|id| !id.is_empty());
    let after = after.map(|id| (id, "last-event-id"));
    let after = after.or(query.after.as_deref().map(|id| (id, "?after")));
    match (after, query.since) {
        (Some((id, pointer)), _) => Ok(Beginning::After(event_id(id, pointer)?)),
        (None, Some(at)) => Ok(Beginning::Since(at)),
        (None, None) => Ok(Beginning::Now),
    }
}

pub(super) fn event_id(text: &str, pointer: &str) -> Result<EventId> {
    text.parse().map_err(|error: inkstone_domain::Error| {
        let field = FieldError {
            pointer: pointer.to_owned(),
            detail: error.message().to_owned(),
        };
        invalid_fields("the beginning is not valid", vec![field])
    })
}

fn event_of(told: Result<Arc<Told>>, request_id: &RequestId) -> Event {
    let event = match told {
        Ok(told) => Event::default()
            .event(told.event.body.kind().as_str())
            .id(told.event.id.to_string())
            .json_data(NoticeReply::of(&told)),
        Err(error) => {
            log_failure(&error, request_id);
            let status = status_of(&error).as_u16();
            let problem = Problem::new(&error, status, request_id.as_str());
            Event::default().event("error").json_data(problem)
        }
    };
    // Strings, numbers and JSON, which always can be written.
    event.unwrap_or_default()
}
