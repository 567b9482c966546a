//! Serves the router on a socket, plain or over TLS, until it is told to stop. HTTP/1.1 and HTTP/2 on both.
//! Connections are counted, and who is slow to say what they want is cut off.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::steady::SteadyBody;
use crate::tls::Tls;

/// Between two looks whether an HTTP/2 client is still there, and for its answer.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(20);
/// After the system had no room for another connection.
const BREATH: Duration = Duration::from_millis(500);

/// How connections are taken.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// `None` is plain.
    pub tls: Option<Arc<Tls>>,
    /// More wait until one ends.
    pub max_connections: usize,
    /// For the handshake, for the first request of a connection, and for the head of each one.
    pub head_timeout: Duration,
    /// How long we wait for the next 8 KiB of a body, or its end.
    pub body_timeout: Duration,
    /// Requests at the same time over one connection of HTTP/2.
    pub max_streams: u32,
}

impl Default for ServeConfig {
    /// Plain, ten thousand, thirty seconds each, a hundred.
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 10_000,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            max_streams: 100,
        }
    }
}

/// Marks requests that came over TLS.
#[derive(Debug, Clone, Copy)]
struct OverTls;

/// Whether the connection itself is protected.
pub(crate) fn came_over_tls(request: &Request) -> bool {
    request.extensions().get::<OverTls>().is_some()
}

/// Serves until `stop` resolves, then takes no new connection and returns once the open ones have
/// ended. Open streams may last: whoever calls this bounds the wait, and dropping the future ends them.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: ServeConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let config = Arc::new(config);
    let permits = Arc::new(Semaphore::new(config.max_connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            // It is never closed.
            let permit = Arc::clone(&permits).acquire_owned().await.ok();
            (permit, accept(&listener).await)
        };
        let (permit, (stream, peer)) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        while connections.try_join_next().is_some() {}
        let (router, config, watcher) = (router.clone(), Arc::clone(&config), graceful.watcher());
        connections.spawn(async move {
            let _permit = permit;
            take(stream, peer, router, &config, watcher).await;
        });
    }
    drop(listener);
    graceful.shutdown().await;
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// The next connection. One that is gone again costs nothing; where the system has no room, it has time.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// From the handshake to the last reply.
async fn take(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    config: &ServeConfig,
    watcher: Watcher,
) {
    // Small events leave at once instead of waiting to fill a packet.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its small packets back");
    }
    let Some(tls) = &config.tls else {
        return converse(stream, peer, None, router, config, watcher).await;
    };
    let handshake = TlsAcceptor::from(tls.shown()).accept(stream);
    match timeout(config.head_timeout, handshake).await {
        Ok(Ok(stream)) => converse(stream, peer, Some(OverTls), router, config, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a client and we agree on no TLS"),
        Err(_) => tracing::debug!("a client was too slow to agree on TLS"),
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    over_tls: Option<OverTls>,
    router: Router,
    config: &ServeConfig,
    watcher: Watcher,
) {
    let has_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&has_asked);
    let body_timeout = config.body_timeout;
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(|body| Body::new(SteadyBody::new(body, body_timeout)));
        // Where a connection comes from is told to whoever counts tries.
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(over_tls) = over_tls {
            request.extensions_mut().insert(over_tls);
        }
        answer(router.clone(), request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE)
        .max_concurrent_streams(config.max_streams);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let connection = watcher.watch(connection.into_owned());
    let mut connection = pin!(connection);
    // Which protocol it is shows with the first bytes: before, nothing else counts the time.
    let ended = match timeout(config.head_timeout, &mut connection).await {
        Ok(ended) => ended,
        Err(_) if has_asked.load(Ordering::Relaxed) => connection.await,
        Err(_) => return tracing::debug!("a client was too slow to say what it wants"),
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection broke off");
    }
}

async fn answer(router: Router, request: Request) -> Result<Response, Infallible> {
    router.oneshot(request).await
}
