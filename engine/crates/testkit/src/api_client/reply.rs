//! What comes back: a whole reply, or the events of a stream one by one.

use axum::body::{Body, BodyDataStream, Bytes, to_bytes};
use axum::http::Response;
use axum::http::header::HeaderMap;
use futures::StreamExt;
use serde_json::Value;

/// A whole reply.
#[derive(Debug)]
pub struct TestReply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl TestReply {
    pub(super) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap(),
        }
    }

    /// The body as JSON; panics with the body where it is none.
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {self:?}"),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The server-sent events of the body.
    pub fn events(&self) -> Vec<ServerEvent> {
        let (events, rest) = split_events(self.text());
        assert_eq!(rest, "", "the stream ends within an event");
        events
    }
}

/// A server-sent event. Comments are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// Empty where it has none.
    pub name: String,
    pub data: String,
}

impl ServerEvent {
    /// The data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// Reads the events of an open stream one by one. Dropping it is what a client who leaves does.
pub struct EventReader {
    body: BodyDataStream,
    buffered: String,
    ready: std::collections::VecDeque<ServerEvent>,
}

impl EventReader {
    pub fn new(response: Response<Body>) -> Self {
        Self {
            body: response.into_body().into_data_stream(),
            buffered: String::new(),
            ready: Default::default(),
        }
    }

    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        while self.ready.is_empty() {
            let frame = self.body.next().await?.unwrap();
            self.buffered.push_str(std::str::from_utf8(&frame).unwrap());
            let (events, rest) = split_events(&self.buffered);
            self.ready.extend(events);
            self.buffered = rest;
        }
        self.ready.pop_front()
    }
}

/// Whole events, and what is left.
fn split_events(text: &str) -> (Vec<ServerEvent>, String) {
    let mut events = Vec::new();
    let mut rest = text;
    while let Some((block, after)) = rest.split_once("\n\n") {
        rest = after;
        let field = |name: &str| {
            let values = block.lines().filter_map(|line| line.strip_prefix(name));
            let values: Vec<&str> = values
                .map(|value| value.strip_prefix(' ').unwrap_or(value))
                .collect();
            values.join("\n")
        };
        if block.lines().all(|line| line.starts_with(':')) {
            continue;
        }
        events.push(ServerEvent {
            name: field("event:"),
            data: field("data:"),
        });
    }
    (events, rest.to_owned())
}
