//! `/v1/events/ws`: the same events over a WebSocket, by subscriptions that come and go.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::stream::{AbortHandle, BoxStream, SelectAll, abortable};
use futures::{SinkExt, StreamExt};
use inkstone_domain::event::Told;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use inkstone_services::Services;
use inkstone_services::events::{Beginning, FeedEnd, FeedFilter};
use tokio::time::{Instant, MissedTickBehavior};

use super::events::{LONGEST, event_id};
use crate::error::ApiResult;
use crate::extract::Caller;
use crate::state::Shared;
use crate::wire::event::{NoticeReply, SocketReply, SocketRequest, kinds_of};
use crate::wire::problem::Problem;

const PING_EVERY: Duration = Duration::from_secs(15);
/// A client that takes nothing for this long is gone.
const SEND_PATIENCE: Duration = Duration::from_secs(30);
const MOST_SUBSCRIPTIONS: usize = 32;
const LONGEST_REQUEST_BYTES: usize = 16 * 1024;
const LONGEST_NAME_BYTES: usize = 100;

/// Follow events over a WebSocket
///
/// The client sends `{"type": "subscribe", "id": "a", "types": ["article.updated"], "project": "handbook",
/// "after": "evt_…"}` (all but `type` and `id` may be left out) and `{"type": "unsubscribe", "id": "a"}`; up to 32
/// subscriptions at a time. The engine sends `subscribed`, `event` (with the subscription's `id`, and the
/// event as `event`), `unsubscribed` and `error`. What may be heard is as in `GET /v1/events`. The connection
/// ends after a quarter of an hour: come again, and subscribe after the last event.
#[utoipa::path(
    get, path = "/v1/events/ws", tag = "events",
    responses(
        (status = 101, description = "The connection is a WebSocket now; the engine's messages.", body = SocketReply),
        (status = 400, description = "It is no handshake of a WebSocket.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open_event_socket(
    State(state): State<Shared>,
    Caller(principal): Caller,
    upgrade: std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let services = Arc::clone(&state.services);
    let upgrade = upgrade.map_err(|rejection| {
        let detail = format!("a WebSocket begins with its handshake: {rejection}");
        Error::new(&codes::INVALID_INPUT, detail)
    })?;
    let upgrade = upgrade
        .max_message_size(LONGEST_REQUEST_BYTES)
        .max_frame_size(LONGEST_REQUEST_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut talk = Talk {
            services,
            principal,
            feeds: SelectAll::new(),
            open: HashMap::new(),
            opened: 0,
        };
        talk.run(socket).await;
    }))
}

/// One of a subscription's events, and `None` where it is over.
struct Heard {
    serial: u64,
    id: String,
    what: Option<Result<Arc<Told>>>,
}

/// A subscription. Names come again, serial numbers do not: so what is still heard of one that was ended is not taken
/// for the next one of its name.
struct Open {
    serial: u64,
    feed: AbortHandle,
}

struct Talk {
    services: Arc<Services>,
    principal: Principal,
    feeds: SelectAll<BoxStream<'static, Heard>>,
    /// By their names.
    open: HashMap<String, Open>,
    /// How many there ever were.
    opened: u64,
}

impl Talk {
    async fn run(&mut self, socket: WebSocket) {
        let (mut sending, mut receiving) = socket.split();
        let mut pings = tokio::time::interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = tokio::time::sleep_until(Instant::now() + LONGEST);
        let mut end = std::pin::pin!(end);
        loop {
            let message = tokio::select! {
                () = &mut end => break,
                _ = pings.tick() => Message::Ping(bytes::Bytes::new()),
                Some(heard) = self.feeds.next() => match self.tell(heard) {
                    Some(reply) => text_of(&reply),
                    None => continue,
                },
                received = receiving.next() => match received {
                    Some(Ok(Message::Text(text))) => text_of(&self.answer(text.as_str()).await),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Binary(_))) => text_of(&refusal(None, &not_a_request())),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                },
            };
            match tokio::time::timeout(SEND_PATIENCE, sending.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        // The client may be gone already.
        let _ = tokio::time::timeout(SEND_PATIENCE, sending.close()).await;
    }

    async fn answer(&mut self, text: &str) -> SocketReply {
        let request = match serde_json::from_str::<SocketRequest>(text) {
            Ok(request) => request,
            Err(error) => {
                let detail = format!("the message is no request: {error}");
                let error = Error::new(&codes::INVALID_JSON, detail);
                return refusal(None, &error);
            }
        };
        match request {
            SocketRequest::Subscribe {
                id,
                types,
                project,
                after,
            } => match self.subscribe(&id, &types, project, after).await {
                Ok(()) => SocketReply::Subscribed { id },
                Err(error) => refusal(Some(id), &error),
            },
            SocketRequest::Unsubscribe { id } => match self.open.remove(&id) {
                Some(open) => {
                    open.feed.abort();
                    SocketReply::Unsubscribed { id }
                }
                None => {
                    let detail = format!("there is no subscription `{id}`");
                    refusal(Some(id), &Error::new(&codes::NOT_FOUND, detail))
                }
            },
        }
    }

    async fn subscribe(
        &mut self,
        id: &str,
        types: &[String],
        project: Option<String>,
        after: Option<String>,
    ) -> Result<()> {
        if id.is_empty() || id.len() > LONGEST_NAME_BYTES {
            let detail = format!("`id` must have 1 to {LONGEST_NAME_BYTES} bytes");
            return Err(Error::new(&codes::INVALID_INPUT, detail));
        }
        if self.open.contains_key(id) {
            let detail = format!("there is a subscription `{id}`; unsubscribe it first");
            return Err(Error::new(&codes::ALREADY_EXISTS, detail));
        }
        if self.open.len() >= MOST_SUBSCRIPTIONS {
            let detail = format!("there are {MOST_SUBSCRIPTIONS} subscriptions; unsubscribe one");
            return Err(Error::new(&codes::CONFLICT, detail));
        }
        let filter = FeedFilter {
            kinds: kinds_of(types.iter().map(String::as_str), "/types")?,
            project,
        };
        let beginning = match after {
            Some(after) => Beginning::After(event_id(&after, "/after")?),
            None => Beginning::Now,
        };
        let events = &self.services.events;
        let feed = events
            .feed(&self.principal, filter, beginning, FeedEnd::Never)
            .await?;
        let (feed, handle) = abortable(feed);
        self.opened += 1;
        let serial = self.opened;
        let heard = {
            let id = id.to_owned();
            move |what| Heard {
                serial,
                id: id.clone(),
                what,
            }
        };
        let feed = feed
            .map(Some)
            .chain(futures::stream::once(async { None }))
            .map(heard);
        self.feeds.push(feed.boxed());
        let open = Open {
            serial,
            feed: handle,
        };
        self.open.insert(id.to_owned(), open);
        Ok(())
    }

    /// What is said of something that was heard; nothing of what was unsubscribed meanwhile.
    fn tell(&mut self, heard: Heard) -> Option<SocketReply> {
        let Heard { serial, id, what } = heard;
        self.open.get(&id).filter(|open| open.serial == serial)?;
        match what {
            Some(Ok(told)) => Some(SocketReply::Event {
                event: NoticeReply::of(&told),
                id,
            }),
            Some(Err(error)) => {
                self.open.remove(&id);
                Some(refusal(Some(id), &error))
            }
            None => {
                self.open.remove(&id);
                Some(SocketReply::Unsubscribed { id })
            }
        }
    }
}

fn not_a_request() -> Error {
    Error::new(&codes::INVALID_INPUT, "requests are JSON text")
}

fn refusal(id: Option<String>, error: &Error) -> SocketReply {
    SocketReply::Error {
        id,
        code: error.code().name,
        detail: error.message().to_owned(),
    }
}

fn text_of(reply: &SocketReply) -> Message {
    // Strings, numbers and JSON, which always can be written.
    Message::Text(serde_json::to_string(reply).unwrap_or_default().into())
}
