//! Events as they leave the engine, and what is said over a WebSocket about following them.

use chrono::{DateTime, Utc};
use inkstone_domain::event::{EventKind, Notice, Told};
use inkstone_domain::ports::HandlerFault;
use inkstone_domain::{FieldError, Result};
use inkstone_services::events::HandlerStatus;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::invalid_fields;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticeReply {
    /// Also the SSE `id`: send the last one as `Last-Event-ID`.
    #[schema(example = "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: String,
    /// Version of the words of `data`.
    #[schema(example = 1)]
    pub v: u32,
    #[serde(rename = "type")]
    #[schema(example = "article.updated")]
    pub kind: &'static str,
    pub at: DateTime<Utc>,
    /// Who caused it.
    #[schema(example = "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub actor: String,
    /// Where it happened, if that was in a project.
    pub project: Option<String>,
    pub aggregate: AggregateReply,
    /// Ids and states, by type; never content.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// An event of the feed: its type, its id, and as JSON text all of it.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "events are written by axum; this is their shape in the document"
)]
pub(crate) struct FeedEventReply {
    #[schema(example = "article.updated")]
    pub event: String,
    /// Of an event that went wrong there is none.
    #[schema(example = "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: Option<String>,
    #[schema(
        example = "{\"id\": \"evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P\", \"v\": 1, \"type\": \"article.updated\"}"
    )]
    pub data: String,
}

/// The thing that an event tells of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AggregateReply {
    #[schema(example = "article")]
    pub kind: &'static str,
    pub id: String,
    /// As the change left it, where the thing has revisions.
    pub revision: Option<u64>,
}

impl NoticeReply {
    pub(crate) fn of(told: &Told) -> Self {
        let Notice {
            id,
            v,
            at,
            actor,
            project,
            aggregate,
            body,
        } = told.notice();
        // Ids, numbers and words, which always can be written.
        let mut written = serde_json::to_value(body).unwrap_or_default();
        Self {
            id: id.to_string(),
            v,
            kind: body.kind().as_str(),
            at,
            actor: actor.to_string(),
            project: project.map(str::to_owned),
            aggregate: AggregateReply {
                kind: aggregate.kind,
                id: aggregate.id,
                revision: aggregate.revision,
            },
            data: written["data"].take(),
        }
    }
}

/// `pointer` is where the types stand.
pub(crate) fn kinds_of<'a>(
    types: impl IntoIterator<Item = &'a str>,
    pointer: &str,
) -> Result<Vec<EventKind>> {
    let parsed = types.into_iter().map(str::parse::<EventKind>);
    let parsed: Result<Vec<_>> = parsed.collect();
    parsed.map_err(|error| {
        let field = FieldError {
            pointer: pointer.to_owned(),
            detail: error.message().to_owned(),
        };
        invalid_fields("a type of event is not valid", vec![field])
    })
}

/// What a client says over the WebSocket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub(crate) enum SocketRequest {
    Subscribe {
        /// The client's own name for it; it stands on every event that comes of it.
        id: String,
        /// Left out for all types.
        #[serde(default)]
        types: Vec<String>,
        /// Slug of a project; left out for all.
        #[serde(default)]
        project: Option<String>,
        /// `evt_…` of the last event that was seen; left out to begin with what happens now.
        #[serde(default)]
        after: Option<String>,
    },
    Unsubscribe {
        id: String,
    },
}

/// What the engine says over the WebSocket.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SocketReply {
    Subscribed {
        id: String,
    },
    Event {
        id: String,
        event: NoticeReply,
    },
    /// It was asked for, or an error ended it.
    Unsubscribed {
        id: String,
    },
    Error {
        /// Of the subscription it is about, if it is about one.
        id: Option<String>,
        code: &'static str,
        detail: String,
    },
}

/// How far a handler of events is: one of the engine's own, or a plugin that subscribes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandlerReply {
    /// Of a plugin `plugin:ID`.
    #[schema(example = "plugin:subscriber-chat")]
    pub name: String,
    /// Events that it has not handled yet.
    pub behind: u64,
    /// The engine that has it, if one does.
    pub holder: Option<String>,
    pub lease_until: Option<DateTime<Utc>>,
    /// The event it stands at, where that could not be handled yet.
    pub failing: Option<HandlerFaultReply>,
    /// Those it went on without, newest first, 20 at most; `replay` brings them back.
    pub passed_over: Vec<HandlerFaultReply>,
}

/// An event that a handler could not handle.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandlerFaultReply {
    #[schema(example = "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub event: String,
    #[serde(rename = "type")]
    #[schema(example = "article.created")]
    pub kind: String,
    /// The first try.
    pub since: DateTime<Utc>,
    /// The last one.
    pub at: DateTime<Utc>,
    pub tries: u32,
    /// Stable, the same codes as in problem details.
    #[schema(example = "plugin_trapped")]
    pub code: String,
    pub message: String,
}

impl From<HandlerFault> for HandlerFaultReply {
    fn from(fault: HandlerFault) -> Self {
        Self {
            event: fault.event.to_string(),
            kind: fault.kind,
            since: fault.since,
            at: fault.at,
            tries: fault.tries,
            code: fault.code,
            message: fault.message,
        }
    }
}

impl From<HandlerStatus> for HandlerReply {
    fn from(HandlerStatus { state, behind }: HandlerStatus) -> Self {
        Self {
            name: state.name,
            behind,
            holder: state.holder,
            lease_until: state.lease_until,
            failing: state.failing.map(HandlerFaultReply::from),
            passed_over: state
                .passed_over
                .into_iter()
                .map(HandlerFaultReply::from)
                .collect(),
        }
    }
}

/// From when on events are handled again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayBody {
    pub since: DateTime<Utc>,
}
