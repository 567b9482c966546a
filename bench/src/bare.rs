//! The baselines: as little as axum, reqwest and SurrealDB need for the same answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use bytes::Bytes;
use clap::ValueEnum;
use futures::{StreamExt, stream};
use serde_json::json;
use surrealdb::engine::any::Any;
use surrealdb::{IndexedResults, Surreal};
use tokio::net::TcpListener;

use crate::Failure;

#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// Answers the bytes of a file.
    Article,
    /// Passes requests on to an upstream.
    Proxy,
    /// Writes what it is sent as one row, without an index, into a database in a folder, on disk before it answers.
    Row,
    /// An OpenAI-compatible server whose answers are ready: 1.5 KB of text, in one piece, or as a stream
    /// of 100 events, each flushed alone. The model `slow` gets an event every 20 ms.
    Upstream,
}

pub async fn serve(kind: Kind, argument: Option<String>) -> Result<(), Failure> {
    let router = match kind {
        Kind::Article => article(Bytes::from(std::fs::read(argument.ok_or("no file")?)?)),
        Kind::Proxy => proxy(argument.ok_or("no upstream")?)?,
        Kind::Row => row(argument.ok_or("no folder")?).await?,
        Kind::Upstream => upstream(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    // As every server that streams small pieces does; without it the kernel's delays are measured.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

fn article(bytes: Bytes) -> Router {
    let handler = move || async move { ([(CONTENT_TYPE, "application/json")], bytes.clone()) };
    Router::new().route("/article", get(handler))
}

struct Proxy {
    http: reqwest::Client,
    url: String,
}

fn proxy(upstream: String) -> Result<Router, Failure> {
    let state = Arc::new(Proxy {
        http: reqwest::Client::builder().no_proxy().build()?,
        url: format!("{upstream}/v1/chat/completions"),
    });
    Ok(Router::new()
        .route("/v1/chat/completions", post(pass_on))
        .with_state(state))
}

async fn pass_on(State(proxy): State<Arc<Proxy>>, body: Bytes) -> Response {
    let request = proxy.http.post(&proxy.url).body(body);
    match request.send().await {
        Ok(reply) => {
            let content_type = reply.headers().get(CONTENT_TYPE).cloned();
            let mut response = Body::from_stream(reply.bytes_stream()).into_response();
            if let Some(content_type) = content_type {
                response.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn row(folder: String) -> Result<Router, Failure> {
    let database = surrealdb::engine::any::connect(format!("surrealkv://{folder}")).await?;
    database.use_ns("bench").use_db("bench").await?;
    database.query("DEFINE TABLE row").await?.check()?;
    Ok(Router::new()
        .route("/ready", get(|| async {}))
        .route("/v1/articles", post(write_row))
        .with_state(Arc::new(database)))
}

async fn write_row(
    State(database): State<Arc<Surreal<Any>>>,
    Json(content): Json<serde_json::Value>,
) -> Response {
    let create = database
        .query("CREATE row CONTENT $content RETURN NONE")
        .bind(("content", content));
    match create.await.and_then(IndexedResults::check) {
        Ok(_) => Json(json!({ "id": "" })).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Names the slow model in a request.
const SLOW: &[u8] = b"\"slow\"";
/// Asks for a stream, as serialisers of JSON write it.
const STREAM: [&[u8]; 2] = [b"\"stream\":true", b"\"stream\": true"];

fn upstream() -> Router {
    let events: Arc<[Bytes]> = events().into();
    let whole = whole();
    let handler = move |body: Bytes| {
        let events = Arc::clone(&events);
        let whole = whole.clone();
        async move {
            let wants = |word: &[u8]| body.windows(word.len()).any(|window| window == word);
            if !STREAM.into_iter().any(wants) {
                return ([(CONTENT_TYPE, "application/json")], Body::from(whole));
            }
            let count = events.len();
            let is_slow = wants(SLOW);
            let pieces = stream::iter(0..count).then(move |at| {
                let event = events[at].clone();
                async move {
                    match is_slow {
                        true => tokio::time::sleep(Duration::from_millis(20)).await,
                        // Lets the connection write this one before the next is made.
                        false => tokio::task::yield_now().await,
                    }
                    Ok::<_, std::convert::Infallible>(event)
                }
            });
            (
                [(CONTENT_TYPE, "text/event-stream")],
                Body::from_stream(pieces),
            )
        }
    };
    Router::new().route("/v1/chat/completions", post(handler))
}

/// The answer in one piece.
fn whole() -> Bytes {
    let reply = json!({
        "id": "chatcmpl-mock", "object": "chat.completion", "created": 1_700_000_000, "model": "mock",
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": "fifteen letters ".repeat(90) },
        }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 98, "total_tokens": 103 },
    });
    Bytes::from(reply.to_string())
}

fn events() -> Vec<Bytes> {
    let event = |delta: serde_json::Value, finish: serde_json::Value| {
        let chunk = json!({
            "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "mock",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        });
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let mut events = vec![event(
        json!({ "role": "assistant", "content": "" }),
        json!(null),
    )];
    for _ in 0..98 {
        events.push(event(json!({ "content": "fifteen letters " }), json!(null)));
    }
    events.push(event(json!({}), json!("stop")));
    let usage = json!({
        "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "mock",
        "choices": [], "usage": { "prompt_tokens": 5, "completion_tokens": 98, "total_tokens": 103 },
    });
    events.push(Bytes::from(format!("data: {usage}\n\ndata: [DONE]\n\n")));
    events
}
