//! Grants, networks, credentials, headers and errors of single calls.

use std::sync::atomic::Ordering;
use std::time::Duration;

use inkstone_domain::outbound::OutboundRequest;
use inkstone_domain::ports::Egress;

use crate::upstream::{SECRET, Upstream, egress, get_request, powers, text};

#[tokio::test]
async fn a_granted_call_goes_through_with_its_headers_cleaned() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    let request = OutboundRequest {
        method: "POST".to_owned(),
        headers: [
            ("Content-Type", "text/plain"),
            ("Host", "evil.org"),
            ("Cookie", "a=b"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("Content-Length", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: Some("hello".into()),
        ..get_request(upstream.url("/show"))
    };
    let powers = powers(&[&upstream.origin()]);
    let response = egress.send("p", &powers, request).await.unwrap();

    assert_eq!(response.status, 200);
    assert_eq!(response.url, upstream.url("/show"));
    let names: Vec<&str> = response.headers.iter().map(|(n, _)| n.as_str()).collect();
    assert!(names.contains(&"etag") && !names.contains(&"set-cookie"));
    let seen = text(response.body).await;
    assert!(
        seen.starts_with("POST\n") && seen.ends_with("\n\nhello"),
        "{seen}"
    );
    assert!(seen.contains("content-type: text/plain"), "{seen}");
    assert!(seen.contains("content-length: 5"), "{seen}");
    assert!(
        seen.contains(&format!("host: {}", upstream.address)),
        "{seen}"
    );
    assert!(seen.contains("user-agent: inkstone/"), "{seen}");
    for absent in ["cookie", "x-forwarded-for", "authorization", "evil.org"] {
        assert!(!seen.contains(absent), "{absent} in {seen}");
    }
}

#[tokio::test]
async fn a_status_of_400_and_above_is_an_answer() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    for status in [404, 500] {
        let request = get_request(upstream.url(&format!("/status/{status}")));
        let powers = powers(&[&upstream.origin()]);
        let response = egress.send("p", &powers, request).await.unwrap();
        assert_eq!(response.status, status);
    }
}

#[tokio::test]
async fn what_is_not_granted_is_denied_by_name() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    let request = get_request(upstream.url("/show?key=hidden"));
    let error = egress
        .send("reader", &powers(&["https://example.org"]), request)
        .await
        .err()
        .unwrap();
    assert_eq!(error.code().name, "egress_denied");
    for part in ["`reader`", &upstream.origin(), "grants.outbound_hosts"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(!error.message().contains("hidden"), "{error}");
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_wildcard_reaches_no_private_network() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    let port = upstream.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let request = get_request(format!("http://{host}:{port}/show"));
        let error = egress
            .send("p", &powers(&["*://*:*"]), request)
            .await
            .err()
            .unwrap();
        assert_eq!(error.code().name, "egress_denied", "{host}: {error:?}");
        assert!(error.message().contains("this machine"), "{host}: {error}");
    }
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_is_granted_exactly_may_be_private() {
    let upstream = Upstream::start().await;
    let origin = format!("http://localhost:{}", upstream.address.port());
    let egress = egress(&origin, |_| ());
    let request = get_request(format!("{origin}/show"));
    let response = egress
        .send("p", &powers(&[&origin]), request)
        .await
        .unwrap();
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn a_credential_is_attached_by_name_and_never_comes_back() {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    let egress = egress(&origin, |_| ());
    let request = |path: &str| OutboundRequest {
        credential: Some("local".to_owned()),
        ..get_request(upstream.url(path))
    };
    let send = async |path: &str| {
        let powers = powers(&[&origin]);
        egress.send("p", &powers, request(path)).await.unwrap()
    };

    let response = send("/show").await;
    let seen = text(response.body).await;
    assert!(seen.contains("authorization: Bearer [redacted]"), "{seen}");

    let response = send("/echo-secret").await;
    let echoed = response.headers.iter().find(|(n, _)| n == "x-echo");
    assert_eq!(echoed.unwrap().1, "Bearer [redacted]");
    let body = text(response.body).await;
    assert_eq!(body, "you sent Bearer [redacted], did you not?");
}

#[tokio::test]
async fn no_form_of_a_credential_comes_back() {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    let egress = egress(&origin, |_| ());
    let request = OutboundRequest {
        credential: Some("local".to_owned()),
        ..get_request(upstream.url("/echo-forms"))
    };
    let powers = powers(&[&origin]);
    let response = egress.send("p", &powers, request).await.unwrap();
    let header = |name: &str| {
        let found = response.headers.iter().find(|(n, _)| n == name);
        found.unwrap().1.clone()
    };
    assert_eq!(header("x-percent"), "[redacted]");
    let encoded = header("x-basic");
    assert!(
        encoded.len() < 30 && encoded.contains("[redacted]"),
        "{encoded}"
    );
    let body = text(response.body).await;
    assert_eq!(body.matches("[redacted]").count(), 4, "{body}");
    assert!(body.starts_with("[redacted] dXNlcj"), "{body}");
    assert!(!body.contains("0123456"), "{body}");
}

#[tokio::test]
async fn a_key_that_was_left_elsewhere_is_redacted_too() {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    let egress = egress("https://bound.invalid", |_| ());
    // No credential is attached to this call; the upstream knows the key from somewhere else.
    let request = OutboundRequest {
        method: "POST".to_owned(),
        body: Some(SECRET.into()),
        ..get_request(upstream.url("/show"))
    };
    let powers = powers(&[&origin]);
    let response = egress.send("p", &powers, request).await.unwrap();
    let seen = text(response.body).await;
    assert!(seen.ends_with("\n\n[redacted]"), "{seen}");
}

#[tokio::test]
async fn a_credential_needs_holder_definition_and_binding() {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    for (bound_to, name, held, part) in [
        ("https://example.org", "local", true, "not bound"),
        (origin.as_str(), "local", false, "grants.credentials"),
        (origin.as_str(), "other", false, "grants.credentials"),
    ] {
        let egress = egress(bound_to, |_| ());
        let mut powers = powers(&[&origin]);
        if !held {
            powers.permissions.credentials.clear();
        }
        let request = OutboundRequest {
            credential: Some(name.to_owned()),
            ..get_request(upstream.url("/show"))
        };
        let error = egress.send("p", &powers, request).await.err().unwrap();
        assert_eq!(error.code().name, "credential_denied");
        assert!(error.message().contains(part), "{error}");
        assert!(!format!("{error:?}").contains(SECRET));
    }
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_upstream_that_is_down_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let egress = egress(&origin, |_| ());
    let request = get_request(format!("{origin}/x?key=hidden"));
    let error = egress
        .send("p", &powers(&[&origin]), request)
        .await
        .err()
        .unwrap();
    assert_eq!(error.code().name, "upstream_unreachable");
    assert!(error.message().contains(&origin), "{error}");
    assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    let origin = "http://no-such-host.invalid:80";
    let egress = egress(origin, |_| ());
    let request = get_request(format!("{origin}/"));
    let error = egress
        .send("p", &powers(&[origin]), request)
        .await
        .err()
        .unwrap();
    assert_eq!(error.code().name, "upstream_unreachable", "{error:?}");
}

#[tokio::test]
async fn a_silent_upstream_times_out_by_request_and_by_ceiling() {
    let upstream = Upstream::start().await;
    for (asked, ceiling) in [(Some(50), 60_000), (Some(60_000), 50), (None, 50)] {
        let egress = egress(&upstream.origin(), |config| {
            config.head_timeout = Duration::from_millis(ceiling);
        });
        let request = OutboundRequest {
            timeout: asked.map(Duration::from_millis),
            ..get_request(upstream.url("/silent"))
        };
        let powers = powers(&[&upstream.origin()]);
        let error = egress.send("p", &powers, request).await.err().unwrap();
        assert_eq!(error.code().name, "upstream_timeout");
        assert!(error.message().contains("50 ms"), "{error}");
    }
}

#[tokio::test]
async fn broken_requests_are_refused() {
    let egress = egress("http://127.0.0.1:1", |_| ());
    let powers = powers(&["*://*:*"]);
    for (method, url) in [
        ("CONNECT", "https://example.org/"),
        ("TRACE", "https://example.org/"),
        ("get", "https://example.org/"),
        ("GET", "ftp://example.org/"),
        ("GET", "https://user:pass@example.org/"),
        ("GET", "not a url"),
    ] {
        let request = OutboundRequest {
            method: method.to_owned(),
            ..get_request(url.to_owned())
        };
        let error = egress.send("p", &powers, request).await.err().unwrap();
        assert_eq!(
            error.code().name,
            "invalid_input",
            "{method} {url}: {error}"
        );
    }
}

#[tokio::test]
async fn connections_are_reused() {
    let upstream = Upstream::start().await;
    let egress = egress(&upstream.origin(), |_| ());
    for _ in 0..5 {
        let request = get_request(upstream.url("/show"));
        let powers = powers(&[&upstream.origin()]);
        let response = egress.send("p", &powers, request).await.unwrap();
        text(response.body).await;
    }
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 1);
}
