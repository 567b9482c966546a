//! What the tests share: an answer played back, a request caught.

use inkstone_plugin::http;
use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, HttpAnswer};
use provider_wire::testing::Replay;
use serde_json::Value;

use crate::Anthropic;

pub fn hi() -> Request {
    Request::new("claude-opus-4-6").user("Hi")
}

/// How the answers are played back.
pub const REPLAY: Replay<Anthropic> = Replay {
    provider: Anthropic,
    model: "claude-opus-4-6",
};

pub fn streamed<P: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = P>) -> Vec<Result<Chunk>> {
    REPLAY.streamed(pieces)
}

pub fn read(body: impl AsRef<str>) -> Vec<Chunk> {
    REPLAY.read(body)
}

pub fn read_broken(body: impl AsRef<str>) -> (Vec<Chunk>, Error) {
    REPLAY.read_broken(body)
}

pub fn whole(body: impl AsRef<str>) -> Result<Vec<Chunk>> {
    REPLAY.whole("application/json", body)
}

pub fn replay(answer: HttpAnswer) -> Result<Vec<Result<Chunk>>> {
    REPLAY.answer(answer)
}

/// Events with the names that the wire gives them.
pub fn events(events: impl IntoIterator<Item = Value>) -> String {
    events
        .into_iter()
        .map(|event| {
            let name = event["type"].as_str().unwrap_or("message");
            format!("event: {name}\ndata: {event}\n\n")
        })
        .collect()
}

pub fn start() -> Value {
    json!({"type": "message_start", "message": {"type": "message", "content": []}})
}

pub fn block(index: u32, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

pub fn delta(index: u32, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

pub fn text(text: &str) -> Value {
    delta(0, json!({"type": "text_delta", "text": text}))
}

pub fn block_stop(index: u32) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

pub fn finish(word: &str) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": word}})
}

pub fn stop() -> Value {
    json!({"type": "message_stop"})
}

/// What these events give between start and end, without the end.
pub fn read_within(within: impl IntoIterator<Item = Value>) -> Vec<Chunk> {
    let all = [start()].into_iter().chain(within);
    let mut chunks = read(events(all.chain([finish("end_turn"), stop()])));
    assert_eq!(chunks.pop(), Some(Chunk::Finish(FinishReason::Stop)));
    chunks
}

/// A tool call as it begins.
pub fn call(index: u32, id: &str, name: &str) -> Chunk {
    Chunk::ToolCall(ToolCallDelta {
        index,
        id: Some(id.to_owned()),
        name: Some(name.to_owned()),
        arguments: String::new(),
    })
}

pub fn arguments(index: u32, arguments: &str) -> Chunk {
    Chunk::ToolCall(ToolCallDelta {
        index,
        id: None,
        name: None,
        arguments: arguments.to_owned(),
    })
}

pub fn send(settings: Value, request: Request) -> Result<http::Request> {
    testing::reset();
    testing::settings(&settings);
    testing::http(|_| {
        let body = events([start(), finish("end_turn"), stop()]);
        Ok(testing::response(200).body(body))
    });
    Anthropic
        .complete(request)?
        .collect::<Result<Vec<Chunk>>>()?;
    Ok(testing::http_requests().remove(0))
}

/// What Anthropic would get.
pub fn body(request: Request) -> Value {
    body_with(json!({}), request)
}

pub fn body_with(settings: Value, request: Request) -> Value {
    let sent = send(settings, request).unwrap();
    serde_json::from_slice(&sent.body.unwrap()).unwrap()
}

/// The error of a request that must not reach the server.
pub fn refused(request: Request) -> Error {
    let error = send(json!({}), request).unwrap_err();
    let sent = testing::http_requests();
    assert!(sent.is_empty(), "it was sent all the same");
    error
}
