//! TLS from the configuration: HTTP/2 for who asks for it, a new certificate without a restart, and a wrong
//! one that changes nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::engine::{PATIENCE, Setup};

/// A fresh pair in the folder; the certificate.
fn write_pair(folder: &Path) -> String {
    let names = vec!["127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.pem()
}

/// Trusts this certificate alone, and has no connection yet.
fn client(trusted: &str) -> reqwest::Client {
    let trusted = reqwest::Certificate::from_pem(trusted.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy();
    client.tls_certs_only([trusted]).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_shown_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_pair(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let engine = Setup::new()
        .only("")
        .set("INKSTONE__SERVER__TLS__CERTIFICATE", file("cert.pem"))
        .set("INKSTONE__SERVER__TLS__KEY", file("key.pem"))
        .trusting(&first)
        .start()
        .await;
    assert!(engine.url.starts_with("https://"), "{}", engine.url);
    let livez = format!("{}/livez", engine.url);
    let reply = client(&first).get(&livez).send().await.unwrap();
    assert_eq!(reply.version(), reqwest::Version::HTTP_2);
    let hsts = &reply.headers()["strict-transport-security"];
    assert_eq!(hsts, "max-age=31536000");
    let plain = livez.replace("https://", "http://");
    engine.http.get(&plain).send().await.unwrap_err();

    let second = write_pair(folder.path());
    let began = Instant::now();
    while client(&second).get(&livez).send().await.is_err() {
        assert!(began.elapsed() < PATIENCE, "{}", engine.log());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    client(&first).get(&livez).send().await.unwrap_err();
    // Who was connected stays.
    let reply = engine.http.get(&livez).send().await.unwrap();
    assert_eq!(reply.status(), 200);

    std::fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    let began = Instant::now();
    while !engine.log().contains("the certificate is wrong") {
        assert!(began.elapsed() < PATIENCE, "{}", engine.log());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    client(&second).get(&livez).send().await.unwrap();
    let (_, status) = engine.stop();
    assert!(status.success(), "{status}");
}
