//! Upstreams that mean no good, or repeat what they hear. They run on a thread of their own that gives
//! way to every other one, so that their work is not mistaken for the engine's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use futures::{StreamExt, stream};
use tokio::sync::oneshot;

use super::surroundings::give_way;

/// What the upstreams noticed.
#[derive(Default)]
pub struct Seen {
    /// Requests with an `authorization` header, at the first and at the second address.
    pub keys: [AtomicUsize; 2],
    /// Requests that no guest may make: for `/secret`, or in another's name.
    pub smuggled: AtomicUsize,
}

impl Seen {
    pub fn keys(&self, which: usize) -> usize {
        self.keys[which].load(Ordering::SeqCst)
    }

    pub fn smuggled(&self) -> usize {
        self.smuggled.load(Ordering::SeqCst)
    }
}

/// Two servers on this machine, which are two origins to a guest.
pub struct Upstreams {
    pub addresses: [SocketAddr; 2],
    pub seen: Arc<Seen>,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Upstreams {
    pub fn start() -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let seen = Arc::new(Seen::default());
        let (tell, told) = std::sync::mpsc::channel();
        let own = seen.clone();
        std::thread::spawn(move || {
            give_way();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let first = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let second = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let addresses = [&first, &second].map(|l| l.local_addr().unwrap());
                let here = |which| Here {
                    seen: own.clone(),
                    which,
                    addresses,
                };
                tell.send(addresses).unwrap();
                let first = axum::serve(first, router(here(0)));
                let second = axum::serve(second, router(here(1)));
                tokio::select! {
                    _ = first.into_future() => {}
                    _ = second.into_future() => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            addresses: told.recv().unwrap(),
            seen,
            _stop: stop,
        }
    }

    /// `http://127.0.0.1:PORT` of one of the two.
    pub fn origin(&self, which: usize) -> String {
        format!("http://{}", self.addresses[which])
    }
}

#[derive(Clone)]
struct Here {
    seen: Arc<Seen>,
    which: usize,
    addresses: [SocketAddr; 2],
}

fn router(here: Here) -> Router {
    Router::new()
        .route("/hello", any(|| async { "hello" }))
        .route("/silent", get(silent))
        .route("/one-then-silence", get(one_then_silence))
        .route("/endless", get(endless))
        .route("/drip", get(drip))
        .route("/huge", get(huge))
        .route("/gzip-bomb", get(gzip_bomb))
        .route("/many-headers", get(many_headers))
        .route("/echo", get(echo))
        .route(
            "/to/metadata",
            get(|| to("http://169.254.169.254/latest/meta-data/iam/")),
        )
        .route("/to/file", get(|| to("file:///etc/passwd")))
        .route("/to/itself", get(|| to("/to/itself")))
        .route("/to/localhost", get(to_localhost))
        .route("/to/second", get(to_second))
        .fallback(other)
        .layer(axum::middleware::from_fn_with_state(here.clone(), watch))
        .with_state(here)
}

/// Notes what should not have come.
async fn watch(
    State(here): State<Here>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION) {
        here.seen.keys[here.which].fetch_add(1, Ordering::SeqCst);
    }
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    let own = here.addresses[here.which].to_string();
    if request.uri().path() == "/secret" || host != Some(own.as_str()) {
        here.seen.smuggled.fetch_add(1, Ordering::SeqCst);
    }
    next.run(request).await
}

async fn other() -> StatusCode {
    StatusCode::NOT_FOUND
}

async fn silent() -> StatusCode {
    std::future::pending().await
}

async fn one_then_silence() -> Body {
    let piece = stream::iter([Ok::<_, std::io::Error>("one")]);
    Body::from_stream(piece.chain(stream::pending()))
}

fn forever(piece: Bytes) -> Body {
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, std::io::Error>(piece.clone())
    }))
}

async fn endless() -> Body {
    forever(Bytes::from(vec![b'x'; 64 << 10]))
}

/// A byte now and then: never silent for long, and never done.
async fn drip() -> Body {
    Body::from_stream(stream::unfold((), |()| async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>("x"), ()))
    }))
}

/// Says how much it has before it sends it.
async fn huge() -> Response {
    let ten_gib = HeaderValue::from_static("10737418240");
    let body = forever(Bytes::from(vec![b'x'; 64 << 10]));
    ([(header::CONTENT_LENGTH, ten_gib)], body).into_response()
}

/// A kilobyte of this is a megabyte of zeros, and it never ends.
async fn gzip_bomb() -> Response {
    let zeros = vec![0; 1 << 20];
    let mut compress = Compress::new(Compression::best(), false);
    let mut block = || {
        let mut out = Vec::with_capacity(64 << 10);
        compress
            .compress_vec(&zeros, &mut out, FlushCompress::Sync)
            .unwrap();
        Bytes::from(out)
    };
    let head = Bytes::from_static(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    let first = block();
    // From now on every block is the same: zeros that follow zeros.
    let again = block();
    let pieces = stream::iter([head, first]).chain(stream::repeat(again));
    let body = Body::from_stream(pieces.map(Ok::<_, std::io::Error>));
    ([(header::CONTENT_ENCODING, "gzip")], body).into_response()
}

async fn many_headers() -> Response {
    let mut headers = HeaderMap::new();
    for number in 0..2_000 {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        headers.insert(name, HeaderValue::from_static("much ado about nothing"));
    }
    (headers, "hello").into_response()
}

/// Sends the key back in every way that comes to mind: as it came, bare, encoded, and in crumbs.
async fn echo(headers: HeaderMap) -> Response {
    let sent = headers.get(header::AUTHORIZATION);
    let sent = sent.map_or("", |value| value.to_str().unwrap_or(""));
    let bare = sent.strip_prefix("Bearer ").unwrap_or(sent);
    let encoded = [
        STANDARD.encode(sent),
        STANDARD.encode(bare),
        STANDARD.encode(format!("user:{bare}")),
    ];
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut say = |text: &str| pieces.push(Bytes::copy_from_slice(text.as_bytes()));
    say("you sent ");
    say(sent);
    say(" and once more in crumbs: ");
    for character in bare.chars() {
        say(&character.to_string());
    }
    for text in &encoded {
        say(" and encoded: ");
        let (left, right) = text.split_at(text.len() / 2);
        say(left);
        say(right);
    }
    say(" goodbye");
    let body = Body::from_stream(stream::iter(
        pieces.into_iter().map(Ok::<_, std::io::Error>),
    ));
    let headers = [
        ("x-echo", sent.to_owned()),
        ("x-echo-bare", bare.to_owned()),
        ("x-echo-encoded", encoded.join(" ")),
    ];
    (headers, body).into_response()
}

async fn to(location: &'static str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

async fn to_localhost(State(here): State<Here>) -> Response {
    let location = format!(
        "http://localhost:{}/hello",
        here.addresses[here.which].port()
    );
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

async fn to_second(State(here): State<Here>) -> Response {
    let location = format!("http://{}/hello", here.addresses[1]);
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}
