//! What is too much, in either direction: headers, bodies, growth and time.

use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::outbound::OutboundRequest;
use inkstone_domain::ports::{Egress, OutboundTally};

use crate::upstream::{Upstream, egress, get_request, powers, text};

#[tokio::test]
async fn too_large_requests_never_leave() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |config| {
        config.max_request_header_bytes = 1000;
        config.max_request_bytes = 10;
    });
    let powers = powers(&[&upstream.origin()]);
    let plain = || get_request(upstream.url("/show"));
    let headers = vec![("x-a".to_owned(), "v".repeat(1000))];
    let cases = [
        (OutboundRequest { headers, ..plain() }, "the head"),
        (
            get_request(upstream.url(&format!("/show?q={}", "v".repeat(1000)))),
            "max_request_header_kib",
        ),
        (
            OutboundRequest {
                method: "POST".to_owned(),
                body: Some("v".repeat(11).into()),
                ..plain()
            },
            "max_request_mib",
        ),
    ];
    for (request, part) in cases {
        let error = egress.send("p", &powers, request).await.err().unwrap();
        assert_eq!(error.code().name, "invalid_input", "{error}");
        assert!(error.message().contains(part), "{error}");
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(egress.counts("p").refused[0].reason, "request_too_large");
    assert_eq!(egress.counts("p").refused[0].count, 3);
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_an_error() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |config| {
        config.max_response_headers = 20;
        config.max_response_header_bytes = 2000;
    });
    let powers = powers(&[&upstream.origin()]);
    for (count, bytes, fits) in [
        (10, 10, true),
        (30, 1, false),
        (1, 3000, false),
        // More than the HTTP library itself would read.
        (10, 100_000, false),
    ] {
        let request = get_request(upstream.url(&format!("/headers/{count}/{bytes}")));
        let got = egress.send("p", &powers, request).await;
        if fits {
            assert_eq!(got.unwrap().status, 200);
            continue;
        }
        let error = got.err().unwrap();
        assert_eq!(error.code().name, "upstream_error", "{error:?}");
        for part in ["20", "2000 bytes", &upstream.origin()] {
            assert!(error.message().contains(part), "{count} {bytes}: {error}");
        }
    }
}

#[tokio::test]
async fn compressed_bodies_come_in_the_clear() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    let powers = powers(&[&upstream.origin()]);
    for encoding in ["gzip", "br"] {
        let path = format!("/packed-text/{encoding}");
        let request = OutboundRequest {
            credential: Some("local".to_owned()),
            ..get_request(upstream.url(&path))
        };
        let response = egress.send("p", &powers, request).await.unwrap();
        let names: Vec<&str> = response.headers.iter().map(|(n, _)| n.as_str()).collect();
        assert!(!names.contains(&"content-encoding"), "{names:?}");
        assert!(!names.contains(&"content-length"), "{names:?}");
        assert_eq!(text(response.body).await, "you sent Bearer [redacted]");
    }
    let request = get_request(upstream.url("/packed-stream"));
    let mut body = egress.send("p", &powers, request).await.unwrap().body;
    assert_eq!(body.next().await.unwrap().unwrap(), "data: one\n\n");

    for path in ["/encoding/gzip", "/encoding/br"] {
        for method in ["GET", "HEAD"] {
            let request = OutboundRequest {
                method: method.to_owned(),
                ..get_request(upstream.url(path))
            };
            let response = egress.send("p", &powers, request).await.unwrap();
            assert_eq!(text(response.body).await, "", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_grows_too_much_or_cannot_be_undone_is_refused() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |config| {
        config.max_response_bytes = 8 * MIB as u64;
    });
    let powers = powers(&[&upstream.origin()]);
    let fetch = async |path: &str| {
        let request = get_request(upstream.url(path));
        let mut body = match egress.send("p", &powers, request).await {
            Ok(response) => response.body,
            Err(error) => return (0, Some(error)),
        };
        let mut got = 0;
        loop {
            match body.next().await {
                None => return (got, None),
                Some(Ok(piece)) => got += piece.len(),
                Some(Err(error)) => return (got, Some(error)),
            }
        }
    };

    // A MiB is free, whatever it was packed from.
    let (got, error) = fetch(&format!("/packed/gzip/{MIB}")).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(got, MIB);

    for path in ["/packed/gzip/7000000", "/packed/br/7000000"] {
        let (got, error) = fetch(path).await;
        let error = error.unwrap();
        assert!(got < 2 * MIB, "{path}: {got}");
        assert_eq!(error.code().name, "upstream_error");
        assert!(error.message().contains("100 times"), "{path}: {error}");
    }
    for (path, part) in [
        ("/encoding/zstd", "`zstd`"),
        ("/encoding/gzip, gzip", "`gzip, gzip`"),
    ] {
        let error = fetch(&path.replace(' ', "%20")).await.1.unwrap();
        assert!(error.message().contains(part), "{path}: {error}");
    }
    let reasons: Vec<&str> = egress
        .counts("p")
        .refused
        .iter()
        .map(|r| r.reason)
        .collect();
    assert_eq!(reasons, ["decompression_ratio", "unknown_encoding"]);
}

#[tokio::test]
async fn a_body_that_trickles_for_ever_ends() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |config| {
        config.total_timeout = Duration::from_millis(60);
    });
    let powers = powers(&[&upstream.origin()]);
    let request = get_request(upstream.url("/forever"));
    let mut body = egress.send("p", &powers, request).await.unwrap().body;
    let error = loop {
        if let Err(error) = body.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(error.code().name, "upstream_timeout");
    assert!(error.message().contains("complete within 60 ms"), "{error}");
}

const MIB: usize = 1024 * 1024;
