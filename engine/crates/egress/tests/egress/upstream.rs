//! A small upstream, and requests and powers to reach it with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_compression::Level;
use async_compression::tokio::write::{BrotliEncoder, GzipEncoder};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use inkstone_domain::capability::{Effective, Permissions};
use inkstone_domain::outbound::{OutboundRequest, Redirects};
use inkstone_egress::{CredentialBinding, EgressConfig, HttpEgress, Secret};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

pub const SECRET: &str = "sk-local/0123456+789";

/// The server, and what it saw.
pub struct Upstream {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

#[derive(Default)]
pub struct Seen {
    pub connections: AtomicUsize,
    /// Told when a stream that never ends was closed by the other side.
    pub closed: Notify,
}

impl Upstream {
    pub async fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let app = Router::new()
            .route("/show", any(show))
            .route("/status/{status}", any(status))
            .route("/echo-secret", any(echo_secret))
            .route("/redirect/{status}", any(redirected))
            .route("/loop", any(|| async { location(302, "/loop") }))
            .route("/bytes/{count}", get(bytes))
            .route("/declared/{count}", get(declared))
            .route("/silent", any(std::future::pending::<StatusCode>))
            .route("/one-piece-then-silence", get(one_piece_then_silence))
            .route("/forever", get(forever))
            .route("/headers/{count}/{bytes}", get(headers_of))
            .route("/packed/{encoding}/{bytes}", any(packed))
            .route("/packed-text/{encoding}", any(packed_text))
            .route("/packed-stream", get(packed_stream))
            .route("/encoding/{name}", any(named_encoding))
            .route("/echo-forms", any(echo_forms))
            .route("/close", any(|| async { [(header::CONNECTION, "close")] }))
            .with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counted = Counted {
            listener,
            seen: Arc::clone(&seen),
        };
        tokio::spawn(async move { axum::serve(counted, app).await.unwrap() });
        Self { address, seen }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many were accepted so far.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub fn origin(&self) -> String {
        self.url("")
    }
}

/// Counts the connections it accepts.
struct Counted {
    listener: tokio::net::TcpListener,
    seen: Arc<Seen>,
}

impl axum::serve::Listener for Counted {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let accepted = self.listener.accept().await.unwrap();
        self.seen.connections.fetch_add(1, Ordering::SeqCst);
        accepted
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Method, headers and body as lines, the headers sorted.
async fn show(method: Method, headers: HeaderMap, body: String) -> Response {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    let text = format!("{method}\n{}\n\n{body}", lines.join("\n"));
    ([(header::SET_COOKIE, "a=b"), (header::ETAG, "\"1\"")], text).into_response()
}

async fn status(Path(status): Path<u16>) -> StatusCode {
    StatusCode::from_u16(status).unwrap()
}

/// Sends the authorization back, in a header and torn apart in the body.
async fn echo_secret(headers: HeaderMap) -> Response {
    let value = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default();
    let pieces: Vec<Result<String, std::io::Error>> = std::iter::once("you sent ".to_owned())
        .chain(value.chars().map(String::from))
        .chain(std::iter::once(", did you not?".to_owned()))
        .map(Ok)
        .collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    ([("x-echo", value)], body).into_response()
}

/// `?to=` is the location, as it stands.
async fn redirected(
    Path(status): Path<u16>,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
) -> Response {
    location(status, query.unwrap().strip_prefix("to=").unwrap())
}

fn location(status: u16, to: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::LOCATION, to)]).into_response()
}

async fn bytes(Path(count): Path<usize>) -> Body {
    let pieces = (0..count.div_ceil(1024)).map(move |index| {
        let length = (count - index * 1024).min(1024);
        Ok::<_, std::io::Error>(vec![b'x'; length])
    });
    Body::from_stream(futures::stream::iter(pieces))
}

async fn declared(Path(count): Path<usize>) -> Vec<u8> {
    vec![b'x'; count]
}

async fn one_piece_then_silence() -> Body {
    let piece = futures::stream::iter([Ok::<_, std::io::Error>("one")]);
    Body::from_stream(piece.chain(futures::stream::pending()))
}

async fn forever(State(seen): State<Arc<Seen>>) -> Body {
    let guard = ClosedGuard(seen);
    let pieces = futures::stream::unfold(guard, |guard| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok::<_, std::io::Error>("piece\n"), guard))
    });
    Body::from_stream(pieces)
}

/// So many headers `x-0`, `x-1`, …, each with a value of so many bytes.
async fn headers_of(Path((count, bytes)): Path<(usize, usize)>) -> Response {
    let mut response = StatusCode::OK.into_response();
    for index in 0..count {
        let name: header::HeaderName = format!("x-{index}").parse().unwrap();
        let value = "v".repeat(bytes).parse().unwrap();
        response.headers_mut().append(name, value);
    }
    response
}

/// So many equal bytes, compressed.
async fn packed(Path((encoding, bytes)): Path<(String, usize)>) -> Response {
    let body = compressed(&encoding, &vec![b'x'; bytes]).await;
    ([(header::CONTENT_ENCODING, encoding)], body).into_response()
}

/// A short text with the headers' `authorization` in it, compressed.
async fn packed_text(Path(encoding): Path<String>, headers: HeaderMap) -> Response {
    let value = headers.get(header::AUTHORIZATION);
    let value = value.map_or("nothing", |value| value.to_str().unwrap());
    let body = compressed(&encoding, format!("you sent {value}").as_bytes()).await;
    ([(header::CONTENT_ENCODING, encoding)], body).into_response()
}

async fn compressed(encoding: &str, plain: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut encoder = GzipEncoder::new(Vec::new());
            encoder.write_all(plain).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }
        "br" => {
            let mut encoder = BrotliEncoder::with_quality(Vec::new(), Level::Fastest);
            encoder.write_all(plain).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }
        other => panic!("{other}"),
    }
}

/// One compressed piece, flushed, and then nothing more.
async fn packed_stream() -> Response {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(b"data: one\n\n").await.unwrap();
    encoder.flush().await.unwrap();
    let piece = futures::stream::iter([Ok::<_, std::io::Error>(encoder.into_inner())]);
    let body = Body::from_stream(piece.chain(futures::stream::pending()));
    ([(header::CONTENT_ENCODING, "gzip")], body).into_response()
}

/// No body at all, whatever the header says.
async fn named_encoding(Path(name): Path<String>) -> Response {
    [(header::CONTENT_ENCODING, name)].into_response()
}

/// The key in every form, in headers and piece by piece in the body.
async fn echo_forms(headers: HeaderMap) -> Response {
    let value = headers.get(header::AUTHORIZATION).unwrap();
    let key = value.to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let basic = STANDARD.encode(format!("user:{key}"));
    let percent = key.replace('/', "%2F").replace('+', "%2B");
    let text = format!("{key} {basic} {percent} {}", STANDARD.encode(key));
    let pieces: Vec<Result<String, std::io::Error>> =
        text.chars().map(String::from).map(Ok).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    ([("x-basic", basic), ("x-percent", percent)], body).into_response()
}

struct ClosedGuard(Arc<Seen>);

impl Drop for ClosedGuard {
    fn drop(&mut self) {
        self.0.closed.notify_one();
    }
}

/// Powers over these hosts, and the credential `local`.
pub fn powers(hosts: &[&str]) -> Effective {
    Effective {
        permissions: Permissions {
            outbound_hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            credentials: ["local".to_owned()].into(),
            ..Permissions::default()
        },
    }
}

/// With the credential `local`, bound to `host`.
pub fn egress(host: &str, change: impl FnOnce(&mut EgressConfig)) -> HttpEgress {
    let mut config = EgressConfig {
        credentials: vec![CredentialBinding::bearer(
            "local",
            Secret::new(SECRET),
            vec![host.parse().unwrap()],
        )],
        ..EgressConfig::default()
    };
    change(&mut config);
    HttpEgress::new(config).unwrap()
}

pub fn get_request(url: String) -> OutboundRequest {
    OutboundRequest {
        method: "GET".to_owned(),
        url,
        headers: Vec::new(),
        body: None,
        credential: None,
        timeout: None,
        redirects: Redirects::Follow,
    }
}

pub async fn text(mut body: inkstone_domain::outbound::BodyStream) -> String {
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece.unwrap());
    }
    String::from_utf8(all).unwrap()
}
