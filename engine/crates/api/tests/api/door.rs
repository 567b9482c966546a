//! What holds between the API and browsers: other sites, headers, compression.

use std::collections::BTreeSet;

use axum::http::Method;
use inkstone_api::CorsConfig;
use inkstone_testkit::api_client::{ApiClient, Setup, TestApi, TestReply};
use serde_json::json;

use crate::check;

const APP: &str = "https://app.example.org";

async fn api_for_pages() -> TestApi {
    TestApi::with(Setup {
        door: Some(|config| {
            config.cors = CorsConfig {
                origins: vec![APP.to_owned()],
                allows_credentials: true,
            };
        }),
        ..Setup::default()
    })
    .await
}

/// What a browser asks before it lets a page send this.
async fn preflight(client: &ApiClient, origin: &str, method: &str) -> TestReply {
    let client = client
        .clone()
        .with_header("origin", origin)
        .with_header("access-control-request-method", method)
        .with_header("access-control-request-headers", "authorization,if-match");
    client.send(Method::OPTIONS, "/v1/articles", None).await
}

#[tokio::test]
async fn pages_of_other_sites_may_nothing_by_default() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    let reply = client
        .clone()
        .with_header("origin", APP)
        .get("/livez")
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), "");
    let asked = preflight(&client, APP, "POST").await;
    assert_eq!(asked.header("access-control-allow-origin"), "");
    assert_eq!(asked.header("access-control-allow-methods"), "");
    check::problem(&asked, 405, "method_not_allowed");
}

#[tokio::test]
async fn pages_of_named_sites_may_call() {
    let api = api_for_pages().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let asked = preflight(&api.anonymous(), APP, method).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        assert_eq!(asked.header("access-control-allow-origin"), APP);
        assert_eq!(asked.header("access-control-allow-credentials"), "true");
        assert_eq!(asked.header("access-control-max-age"), "3600");
        assert!(
            asked
                .header("access-control-allow-methods")
                .contains(method)
        );
        let headers = asked.header("access-control-allow-headers");
        for name in [
            "authorization",
            "content-type",
            "if-match",
            "idempotency-key",
        ] {
            assert!(headers.contains(name), "{headers}");
        }
    }
    // It is a reply like others: with an id, and what every reply tells browsers.
    let asked = preflight(&api.anonymous(), APP, "POST").await;
    assert!(!asked.header("x-request-id").is_empty(), "{asked:?}");
    assert_eq!(asked.header("x-content-type-options"), "nosniff");
    // Refusals too, so that pages can read why.
    for path in ["/livez", "/v1/me", "/v1/nothing"] {
        let reply = api.anonymous().with_header("origin", APP).get(path).await;
        assert_eq!(reply.header("access-control-allow-origin"), APP, "{path}");
        assert!(reply.header("vary").contains("origin"), "{path}");
        let told = reply.header("access-control-expose-headers");
        for name in [
            "etag",
            "x-request-id",
            "x-ratelimit-remaining-tokens",
            "retry-after",
        ] {
            assert!(told.contains(name), "{told}");
        }
    }
}

#[tokio::test]
async fn pages_may_send_and_read_all_headers_of_routes() {
    let api = api_for_pages().await;
    let asked = preflight(&api.anonymous(), APP, "POST").await;
    let reply = api.anonymous().with_header("origin", APP);
    let reply = reply.get("/livez").await;
    let listed = |text: &str| -> BTreeSet<String> {
        text.split(',').map(|name| name.trim().to_owned()).collect()
    };
    let (sent, told) = (
        listed(asked.header("access-control-allow-headers")),
        listed(reply.header("access-control-expose-headers")),
    );
    let document = inkstone_api::openapi();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let mut seen = 0;
    for operation in operations {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|it| it["in"] == "header") {
            let name = parameter["name"].as_str().unwrap().to_ascii_lowercase();
            assert!(sent.contains(&name), "pages may not send `{name}`");
            seen += 1;
        }
        let replies = operation["responses"].as_object().unwrap().values();
        for name in replies.filter_map(|reply| reply["headers"].as_object()) {
            for name in name.keys() {
                assert!(told.contains(name), "pages may not read `{name}`");
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

/// Whoever sends too much, or meets a fault of ours, reads that as well.
#[tokio::test]
async fn pages_read_refusals_of_bodies() {
    let api = api_for_pages().await;
    let client = api.creator().with_header("origin", APP);
    let body = json!({"title": "x".repeat(2 << 20)});
    let refused = client.post("/v1/articles", body).await;
    check::problem(&refused, 413, "body_too_large");
    assert_eq!(refused.header("access-control-allow-origin"), APP);
}

#[tokio::test]
async fn no_other_origin_is_mirrored() {
    let api = api_for_pages().await;
    for origin in [
        "https://evil.example.org",
        "https://app.example.org.evil.com",
        "https://app.example.org:8443",
        "http://app.example.org",
        "https://APP.example.org",
        "null",
        "*",
    ] {
        let reply = api
            .anonymous()
            .with_header("origin", origin)
            .get("/livez")
            .await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
        let asked = preflight(&api.anonymous(), origin, "POST").await;
        assert_eq!(asked.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[tokio::test]
async fn every_reply_tells_browsers_what_not_to_do() {
    let api = TestApi::start().await;
    let client = api.creator();
    for path in [
        "/livez",
        "/v1/me",
        "/v1/nothing",
        "/docs/",
        "/v1/articles/x",
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(
            reply.header("cross-origin-opener-policy"),
            "same-origin",
            "{path}"
        );
        let powers = reply.header("permissions-policy");
        assert!(powers.contains("camera=()"), "{path}: {powers}");
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe-eval"), "{path}: {policy}");
        // Not over TLS here.
        assert_eq!(reply.header("strict-transport-security"), "", "{path}");
    }
    let body = json!({"email": "creator@example.org", "password": "wrong"});
    for reply in [
        api.anonymous().post("/v1/auth/login", body).await,
        client.get("/v1/me/sessions").await,
    ] {
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn long_bodies_are_compressed_and_streams_are_not() {
    let api = TestApi::start().await;
    for coding in ["gzip", "br"] {
        let client = api.creator().with_header("accept-encoding", coding);
        let plain = api.creator().get("/openapi.json").await;
        let packed = client.get("/openapi.json").await;
        assert_eq!(packed.header("content-encoding"), coding);
        assert!(packed.header("vary").contains("accept-encoding"));
        assert!(
            packed.body.len() * 4 < plain.body.len(),
            "{}",
            packed.body.len()
        );
        let short = client.get("/livez").await;
        assert_eq!(short.header("content-encoding"), "");
        let body = json!({"messages": [{"role": "user", "content": "hi"}], "stream": true});
        let stream = client.post("/v1/chat/completions", body).await;
        assert_eq!(stream.header("content-type"), "text/event-stream");
        assert_eq!(stream.header("content-encoding"), "");
        assert!(!stream.events().is_empty());
    }
    let plain = api
        .creator()
        .with_header("accept-encoding", "identity, x-odd");
    let reply = plain.get("/openapi.json").await;
    assert_eq!(reply.header("content-encoding"), "");
}
