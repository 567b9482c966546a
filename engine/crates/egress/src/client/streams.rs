//! Long answers of an engine, piece by piece, with a deadline between pieces. Dropping a stream
//! closes its connection.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use eventsource_stream::{EventStreamError, Eventsource};
use futures::{Stream, StreamExt, stream};
use reqwest::Response;

use super::ApiError;

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// `message` where the server named none.
    pub event: String,
    pub data: String,
    /// Empty where the server gave none.
    pub id: String,
}

pub type EventStream = Pin<Box<dyn Stream<Item = Result<ServerEvent, ApiError>> + Send>>;
pub type PieceStream = Pin<Box<dyn Stream<Item = Result<Bytes, ApiError>> + Send>>;
pub type LineStream = Pin<Box<dyn Stream<Item = Result<String, ApiError>> + Send>>;

pub(super) fn events(response: Response, idle_timeout: Duration) -> EventStream {
    Box::pin(
        pieces(response, idle_timeout)
            .eventsource()
            .map(|event| match event {
                Ok(event) => Ok(ServerEvent {
                    event: event.event,
                    data: event.data,
                    id: event.id,
                }),
                Err(EventStreamError::Transport(error)) => Err(error),
                Err(error) => Err(ApiError::Unreadable {
                    source: serde::de::Error::custom(error),
                }),
            }),
    )
}

pub(super) fn lines(response: Response, idle_timeout: Duration) -> LineStream {
    let state = (
        Some(Box::pin(pieces(response, idle_timeout))),
        BytesMut::new(),
    );
    Box::pin(stream::unfold(
        state,
        |(mut source, mut buffer)| async move {
            loop {
                if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                    let line = buffer.split_to(end + 1);
                    return Some((Ok(text_of(&line)), (source, buffer)));
                }
                let piece = match source.as_mut() {
                    Some(open) => open.next().await,
                    None => None,
                };
                match piece {
                    Some(Ok(piece)) => buffer.extend_from_slice(&piece),
                    Some(Err(error)) => return Some((Err(error), (None, BytesMut::new()))),
                    None if buffer.is_empty() => return None,
                    None => {
                        let line = buffer.split();
                        return Some((Ok(text_of(&line)), (None, buffer)));
                    }
                }
            }
        },
    ))
}

fn text_of(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

fn pieces(
    response: Response,
    idle_timeout: Duration,
) -> impl Stream<Item = Result<Bytes, ApiError>> + Send {
    stream::unfold(Some(response), move |response| async move {
        let mut response = response?;
        let base_url = response.url().origin().ascii_serialization();
        match tokio::time::timeout(idle_timeout, response.chunk()).await {
            Ok(Ok(Some(piece))) => Some((Ok(piece), Some(response))),
            Ok(Ok(None)) => None,
            Ok(Err(error)) => {
                let source = error.without_url().into();
                Some((Err(ApiError::Unreachable { base_url, source }), None))
            }
            Err(_) => Some((Err(ApiError::Timeout { base_url }), None)),
        }
    })
}
