//! Bodies: limits in bytes and time, and what happens when nobody reads on.

use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::ports::Egress;

use crate::upstream::{Upstream, egress, get_request, powers, text};

#[tokio::test]
async fn a_body_up_to_the_cap_passes_and_one_above_ends() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |config| {
        config.max_response_bytes = 5000
    });
    let send = async |path: &str| {
        let powers = powers(&[&upstream.origin()]);
        let request = get_request(upstream.url(path));
        egress.send("p", &powers, request).await
    };

    let whole = text(send("/bytes/5000").await.unwrap().body).await;
    assert_eq!(whole.len(), 5000);

    let mut body = send("/bytes/5001").await.unwrap().body;
    let mut got = 0;
    let error = loop {
        match body.next().await.unwrap() {
            Ok(piece) => got += piece.len(),
            Err(error) => break error,
        }
    };
    assert!(got <= 5000, "{got}");
    assert_eq!(error.code().name, "upstream_error");
    assert!(error.message().contains("5000 bytes"), "{error}");
    assert!(body.next().await.is_none());

    let declared = send("/declared/5001").await.err().unwrap();
    assert!(declared.message().contains("5000 bytes"), "{declared}");
}

#[tokio::test]
async fn silence_between_pieces_times_out() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |config| {
        config.idle_timeout = Duration::from_millis(50);
    });
    let powers = powers(&[&upstream.origin()]);
    let request = get_request(upstream.url("/one-piece-then-silence"));
    let mut body = egress.send("p", &powers, request).await.unwrap().body;
    assert_eq!(body.next().await.unwrap().unwrap(), "one");
    let error = body.next().await.unwrap().unwrap_err();
    assert_eq!(error.code().name, "upstream_timeout");
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn dropping_the_body_closes_the_connection() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    let powers = powers(&[&upstream.origin()]);
    let request = get_request(upstream.url("/forever"));
    let mut body = egress.send("p", &powers, request).await.unwrap().body;
    assert!(body.next().await.unwrap().is_ok());
    drop(body);
    tokio::time::timeout(Duration::from_secs(10), upstream.seen.closed.notified())
        .await
        .expect("the upstream sees the end");
}
