//! The router on a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use inkstone_api::ServeConfig;
use inkstone_testkit::api_client::TestApi;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let api = TestApi::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move {
        let _ = stopped.await;
    };
    let config = ServeConfig::default();
    let server = tokio::spawn(inkstone_api::serve(listener, api.router(), config, until));
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains("\"status\":\"alive\""), "{reply}");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    TcpStream::connect(address).await.unwrap_err();
}

/// A served router, and how it is told to stop.
async fn served(config: ServeConfig) -> (SocketAddr, DropGuard) {
    let api = TestApi::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let until = stop.clone().cancelled_owned();
    tokio::spawn(inkstone_api::serve(listener, api.router(), config, until));
    (address, stop.drop_guard())
}

fn hasty() -> ServeConfig {
    ServeConfig {
        head_timeout: Duration::from_millis(50),
        ..ServeConfig::default()
    }
}

/// All that comes until the other side closes.
async fn rest_of(connection: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    // Closed with or without a goodbye.
    let _ = connection.read_to_end(&mut rest).await;
    String::from_utf8_lossy(&rest).into_owned()
}

#[tokio::test]
async fn who_is_slow_to_ask_is_cut_off() {
    let (address, _stop) = served(hasty()).await;
    // Nothing at all, the beginning of what both protocols begin with, and half a head.
    for beginning in ["", "PRI * HT", "GET /livez HTTP/1.1\r\nhost: local"] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(beginning.as_bytes()).await.unwrap();
        let rest = rest_of(&mut connection).await;
        assert!(!rest.contains("200 OK"), "{rest}");
    }
    // Half of a second head.
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\nGET /li";
    connection.write_all(request).await.unwrap();
    let rest = rest_of(&mut connection).await;
    assert_eq!(rest.matches("HTTP/1.1 200 OK").count(), 1, "{rest}");
}

#[tokio::test]
async fn a_body_that_stops_is_cut_off() {
    let config = ServeConfig {
        body_timeout: Duration::from_millis(50),
        ..ServeConfig::default()
    };
    let (address, _stop) = served(config).await;
    let json = "content-type: application/json\r\ncontent-length: 60\r\n\r\n{\"email\":";
    let chunked =
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"ema\r\n";
    for rest in [json, chunked] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("POST /v1/auth/login HTTP/1.1\r\nhost: localhost\r\n{rest}");
        connection.write_all(request.as_bytes()).await.unwrap();
        // The connection is closed after it: what would follow is no new request.
        let reply = rest_of(&mut connection).await;
        assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
        assert!(reply.contains("\"code\":\"body_too_slow\""), "{reply}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let config = ServeConfig {
        max_connections: 1,
        ..ServeConfig::default()
    };
    let (address, _stop) = served(config).await;
    let request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(request).await.unwrap();
    let mut begun = [0; 12];
    first.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    // The first is open still, so the second waits until it has gone.
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(request).await.unwrap();
    let mut nothing = [0; 1];
    let early = second.try_read(&mut nothing);
    assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    second.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
}

#[tokio::test]
async fn http_2_needs_no_tls() {
    let (address, _stop) = served(ServeConfig::default()).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let request = hyper::Request::get(format!("http://{address}/livez"));
        let reply = sender.send_request(request.body(Body::empty()).unwrap());
        let reply = reply.await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.version(), hyper::Version::HTTP_2);
        assert!(!reply.headers().contains_key("strict-transport-security"));
    }
}

#[tokio::test]
async fn what_is_open_may_end() {
    let api = TestApi::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let until = stop.clone().cancelled_owned();
    let config = ServeConfig::default();
    let server = tokio::spawn(inkstone_api::serve(listener, api.router(), config, until));
    let mut connection = TcpStream::connect(address).await.unwrap();
    // A head that says there is more, so that the answer is under way when it is to stop.
    let head = b"POST /v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    connection.write_all(head).await.unwrap();
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"));
    stop.cancel();
    connection.write_all(b"{}").await.unwrap();
    let rest = rest_of(&mut connection).await;
    assert!(rest.starts_with("HTTP/1.1 400"), "{rest}");
    server.await.unwrap().unwrap();
}
