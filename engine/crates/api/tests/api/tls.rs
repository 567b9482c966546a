//! The door with a certificate: which TLS, which HTTP, and what becomes of a new pair.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use inkstone_api::{ServeConfig, Tls, TlsSettings};
use inkstone_testkit::api_client::TestApi;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};

struct Door {
    tls: Arc<Tls>,
    address: SocketAddr,
    folder: TempDir,
    trusted: CertificateDer<'static>,
    _stop: DropGuard,
}

/// A fresh pair in the folder.
fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

fn settings(folder: &Path) -> TlsSettings {
    TlsSettings {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
        allows_tls12: false,
    }
}

impl Door {
    async fn open(allows_tls12: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trusted = write_pair(folder.path());
        let settings = TlsSettings {
            allows_tls12,
            ..settings(folder.path())
        };
        let tls = Arc::new(Tls::new(settings).unwrap());
        let api = TestApi::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let until = stop.clone().cancelled_owned();
        let config = ServeConfig {
            tls: Some(tls.clone()),
            head_timeout: Duration::from_millis(200),
            ..ServeConfig::default()
        };
        tokio::spawn(inkstone_api::serve(listener, api.router(), config, until));
        Self {
            tls,
            address,
            folder,
            trusted,
            _stop: stop.drop_guard(),
        }
    }

    async fn connect(
        &self,
        version: &'static SupportedProtocolVersion,
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

fn request(door: &Door) -> hyper::Request<Body> {
    let request = hyper::Request::get(format!("https://localhost:{}/livez", door.address.port()));
    request
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn both_protocols_are_spoken() {
    let door = Door::open(false).await;
    let stream = door.connect(&TLS13, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let reply = sender.send_request(request(&door)).await.unwrap();
    assert_eq!(reply.status(), 200);
    let hsts = &reply.headers()["strict-transport-security"];
    assert_eq!(hsts, "max-age=86400");

    let stream = door.connect(&TLS13, b"http/1.1").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let reply = sender.send_request(request(&door)).await.unwrap();
    assert_eq!(reply.status(), 200);
    assert!(reply.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn old_tls_is_spoken_where_it_is_allowed() {
    let strict = Door::open(false).await;
    strict.connect(&TLS12, b"h2").await.unwrap_err();
    let lenient = Door::open(true).await;
    for version in [&TLS12, &TLS13] {
        lenient.connect(version, b"h2").await.unwrap();
    }
    // The client's greeting of TLS 1.1: no library speaks it any more.
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    for door in [strict, lenient] {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(&hello).await.unwrap();
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        // An alert (21) that is fatal (2), and no greeting.
        assert_eq!((reply[0], reply[5]), (21, 2), "{reply:?}");
    }
}

#[tokio::test]
async fn who_is_slow_or_speaks_plainly_is_cut_off() {
    let door = Door::open(false).await;
    for sent in [
        "",
        "\u{16}\u{3}\u{1}",
        "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        let reply = String::from_utf8_lossy(&reply);
        assert!(!reply.contains("HTTP/1.1 200"), "{reply}");
    }
    door.connect(&TLS13, b"h2").await.unwrap();
}

#[tokio::test]
async fn a_new_pair_is_taken_up_and_a_wrong_one_is_not() {
    let mut door = Door::open(false).await;
    let open = door.connect(&TLS13, b"http/1.1").await.unwrap();
    let first = door.trusted.clone();
    let next = write_pair(door.folder.path());
    door.tls.reload().unwrap();
    door.connect(&TLS13, b"h2").await.unwrap_err();
    door.trusted = next.clone();
    door.connect(&TLS13, b"h2").await.unwrap();

    // What was open goes on.
    let (mut sender, connection) = http1::handshake(TokioIo::new(open)).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(
        sender.send_request(request(&door)).await.unwrap().status(),
        200
    );

    let folder = door.folder.path().to_owned();
    let key = std::fs::read_to_string(folder.join("key.pem")).unwrap();
    write_pair(&folder);
    let of_another = std::fs::read(folder.join("cert.pem")).unwrap();
    for (file, text) in [
        ("key.pem", key.as_bytes()),
        ("cert.pem", b"no PEM"),
        ("cert.pem", b""),
        (
            "key.pem",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ),
    ] {
        std::fs::write(folder.join("cert.pem"), &of_another).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
        let wrong = door.tls.reload().unwrap_err();
        assert_eq!(wrong.code().name, "invalid_config");
        assert!(wrong.message().contains("[server.tls]"), "{wrong}");
        assert!(!format!("{wrong:?}").contains("AAAA"));
        door.connect(&TLS13, b"h2").await.unwrap();
    }
    std::fs::remove_file(folder.join("cert.pem")).unwrap();
    door.tls.reload().unwrap_err();
    door.trusted = first;
    door.connect(&TLS13, b"h2").await.unwrap_err();
}
