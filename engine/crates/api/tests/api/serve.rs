//! The router on a real socket.

use inkstone_testkit::api_client::TestApi;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let api = TestApi::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move {
        let _ = stopped.await;
    };
    let server = tokio::spawn(inkstone_api::serve(listener, api.router(), until));
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
