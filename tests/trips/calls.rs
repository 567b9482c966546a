//! Calls of models as a client makes them: plain or streamed, with a token of one's own, and the ledger's
//! lines of them.

use futures::StreamExt;
use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::engine::Engine;

/// What came back of a call.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// As it came, cut off where the connection broke.
    pub body: String,
}

/// A chat with one short message.
pub fn chat(model: &str, is_stream: bool) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": "Tell me a story." }],
        "max_tokens": 10,
        "stream": is_stream,
    });
    if is_stream {
        body["stream_options"] = json!({ "include_usage": true });
    }
    body
}

/// Data of server-sent events, those that are JSON.
pub fn events_of(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

impl Reply {
    /// Reads all of it. `on_text` is told once, when the first text has come.
    pub async fn of(request: RequestBuilder, on_text: impl FnOnce()) -> Self {
        let reply = request.send().await.expect("the engine answers");
        let status = reply.status().as_u16();
        let headers = reply.headers().clone();
        let mut on_text = Some(on_text);
        let mut body = Vec::new();
        let mut pieces = reply.bytes_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            body.extend_from_slice(&piece);
            if on_text.is_some() && !text_of(&String::from_utf8_lossy(&body)).is_empty() {
                on_text.take().unwrap()();
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Self {
            status,
            headers,
            body,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// All text of the answer, whole or streamed.
    pub fn text(&self) -> String {
        match serde_json::from_str::<Value>(&self.body) {
            Ok(whole) => {
                let said = whole["choices"][0]["message"]["content"].as_str();
                said.unwrap_or_default().to_owned()
            }
            Err(_) => text_of(&self.body),
        }
    }

    /// The error's code, in the body or in an event.
    pub fn error_code(&self) -> Option<String> {
        let whole = serde_json::from_str::<Value>(&self.body);
        let events = whole.map_or_else(|_| events_of(&self.body), |whole| vec![whole]);
        let mut codes = events
            .iter()
            .filter_map(|event| event["error"]["code"].as_str());
        codes.next().map(str::to_owned)
    }
}

fn text_of(events: &str) -> String {
    let events = events_of(events);
    let pieces = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    pieces.collect()
}

impl Engine {
    /// A virtual key within these limits, whole: its `id` and its `token` among others.
    pub async fn make_key(&self, limits: Value) -> Value {
        let mut body = limits;
        body["name"] = json!("trip");
        let (status, key) = self.post("/v1/keys", &body).await;
        assert_eq!(status, 201, "{key}");
        key
    }

    /// A chat with this token.
    pub fn chat(&self, token: &str, body: &Value) -> RequestBuilder {
        let url = format!("{}/v1/chat/completions", self.url);
        self.http.post(url).bearer_auth(token).json(body)
    }

    /// All lines of the ledger, oldest first.
    pub async fn ledger(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        let mut cursor = String::new();
        loop {
            let (status, page) = self
                .get(&format!("/v1/usage/attempts?limit=100{cursor}"))
                .await;
            assert_eq!(status, 200, "{page}");
            lines.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        lines.reverse();
        lines
    }
}
