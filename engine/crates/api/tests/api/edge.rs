//! What holds for every route.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::{Error, codes};
use inkstone_testkit::Say;
use inkstone_testkit::api_client::{MAX_BODY_BYTES, PASSWORD, Setup, TestApi};
use serde_json::json;

use crate::check;

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let api = TestApi::start().await;
    let reply = api
        .anonymous()
        .with_header("x-request-id", "mine-7")
        .get("/livez")
        .await;
    assert_eq!(reply.header("x-request-id"), "mine-7");
    let reply = api
        .anonymous()
        .with_header("x-request-id", "two words")
        .get("/livez")
        .await;
    assert_ne!(reply.header("x-request-id"), "two words");
    assert_eq!(reply.header("x-request-id").len(), 26, "a ULID");
    let one = api.anonymous().get("/livez").await;
    let other = api.anonymous().get("/livez").await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn the_request_id_reaches_the_plugin() {
    let api = TestApi::start().await;
    let body = json!({"messages": [{"role": "user", "content": "hi"}]});
    let client = api.creator().with_header("x-request-id", "mine-8");
    assert_eq!(client.post("/v1/chat/completions", body).await.status, 200);
    assert_eq!(api.provider.request_ids(), ["mine-8"]);
}

#[tokio::test]
async fn the_token_may_stand_in_another_header() {
    let api = TestApi::start().await;
    let body = json!({"email": "creator@example.org", "password": PASSWORD});
    let pair = api.anonymous().post("/v1/auth/login", body).await.json();
    let token = pair["access_token"].as_str().unwrap();
    let client = api.anonymous().with_header("x-api-key", token);
    assert_eq!(client.get("/v1/me").await.status, 200);
    let client = api.anonymous().with_header("x-api-key", "wrong");
    check::problem(&client.get("/v1/me").await, 401, "invalid_token");
    let client = api.creator().with_header("x-api-key", "not looked at");
    assert_eq!(client.get("/v1/me").await.status, 200);
}

#[tokio::test]
async fn every_dialect_has_its_envelope() {
    let api = TestApi::start().await;
    let client = api.anonymous();
    let openai = ["/v1/responses", "/v1/responses/resp_1", "/v1/rerank"];
    for path in openai {
        let reply = client.get(path).await;
        assert!(reply.json()["error"]["param"].is_null(), "{reply:?}");
        assert!([404, 405].contains(&reply.status), "{reply:?}");
    }
    let kind = "not_found_error";
    let reply = client.post("/v1/messages/count_tokens", json!({})).await;
    check::anthropic_error(&reply, 404, kind, "unknown_route");
    let kind = "invalid_request_error";
    let reply = client.get("/v1/messages").await;
    check::anthropic_error(&reply, 405, kind, "method_not_allowed");
    let long = "x".repeat(MAX_BODY_BYTES + 1);
    let client = api.creator();
    let reply = client
        .post_raw("/v1/messages", "application/json", format!("\"{long}\""))
        .await;
    check::anthropic_error(&reply, 413, "request_too_large", "body_too_large");
    let reply = client.post_raw("/v1/messages", "text/plain", "a").await;
    check::anthropic_error(&reply, 415, kind, "unsupported_media_type");
    let reply = client
        .post_raw("/v1/messages", "application/json", "{")
        .await;
    check::anthropic_error(&reply, 400, kind, "invalid_json");
}

#[tokio::test]
async fn an_unknown_route_is_a_problem() {
    let api = TestApi::start().await;
    let problem = check::problem(
        &api.anonymous().get("/v1/nothing").await,
        404,
        "unknown_route",
    );
    assert_eq!(
        problem["detail"],
        "there is no route `GET /v1/nothing`; `/openapi.json` and `/docs` list all"
    );
    check::problem(
        &api.anonymous().get("/v1/articles/").await,
        404,
        "unknown_route",
    );
}

#[tokio::test]
async fn an_unknown_method_names_the_known_ones() {
    let api = TestApi::start().await;
    let reply = api
        .admin()
        .post("/v1/articles/art_1/revisions", json!({}))
        .await;
    check::problem(&reply, 405, "method_not_allowed");
    assert_eq!(reply.header("allow"), "GET,HEAD");
    let reply = api.admin().delete("/v1/chat/completions").await;
    check::openai_error(&reply, 405, "invalid_request_error", "method_not_allowed");
    assert_eq!(reply.header("allow"), "POST");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_whether_or_not_its_length_is_told() {
    let api = TestApi::start().await;
    let long = format!("{{\"title\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES));
    let client = api.creator();
    let announced = client
        .clone()
        .with_header("content-length", &long.len().to_string());
    let reply = announced
        .post_raw("/v1/articles", "application/json", long.clone())
        .await;
    check::problem(&reply, 413, "body_too_large");
    let reply = client
        .post_raw("/v1/articles", "application/json", long.clone())
        .await;
    let problem = check::problem(&reply, 413, "body_too_large");
    assert!(
        problem["detail"].as_str().unwrap().contains("65536 bytes"),
        "{problem}"
    );
    let reply = client
        .post_raw("/v1/chat/completions", "application/json", long)
        .await;
    check::openai_error(&reply, 413, "invalid_request_error", "body_too_large");
}

#[tokio::test]
async fn only_json_is_read() {
    let api = TestApi::start().await;
    let client = api.creator();
    let reply = client.post_raw("/v1/articles", "text/plain", "{}").await;
    check::problem(&reply, 415, "unsupported_media_type");
    let reply = client
        .post_raw("/v1/articles", "application/json; charset=utf-8", "{")
        .await;
    check::problem(&reply, 400, "invalid_json");
    let reply = client
        .post_raw("/v1/chat/completions", "application/xml", "<a/>")
        .await;
    check::openai_error(
        &reply,
        415,
        "invalid_request_error",
        "unsupported_media_type",
    );
}

#[tokio::test]
async fn a_wrong_body_is_told_with_pointers() {
    let api = TestApi::start().await;
    let reply = api
        .creator()
        .post("/v1/articles", json!({"title": "A", "tags": ["a", 7]}))
        .await;
    let problem = check::problem(&reply, 400, "invalid_input");
    assert_eq!(
        problem["errors"],
        json!([{"pointer": "/tags/1", "detail": "invalid type: integer `7`, expected a string"}])
    );
    let reply = api
        .creator()
        .post("/v1/articles", json!({"title": "A", "boddy": "x"}))
        .await;
    let problem = check::problem(&reply, 400, "invalid_input");
    assert_eq!(problem["errors"][0]["pointer"], "/boddy");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("unknown field `boddy`, expected one of `title`, `body`"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_wrong_query_parameter_is_told_by_name() {
    let api = TestApi::start().await;
    for (path, pointer) in [
        ("/v1/articles?limit=0", "?limit"),
        ("/v1/articles?limit=101", "?limit"),
        ("/v1/articles?limit=many", "?limit"),
        ("/v1/articles?filter[status]=done", "?filter[status]"),
        ("/v1/articles?filter[state]=draft", "?filter[state]"),
        ("/v1/search?q=a&limit=1000", "?limit"),
    ] {
        let problem = check::problem(&api.creator().get(path).await, 400, "invalid_input");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

#[tokio::test]
async fn every_reply_tells_browsers_to_do_nothing() {
    let api = TestApi::start().await;
    for path in ["/livez", "/v1/nothing", "/v1/me"] {
        let reply = api.anonymous().get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(
            reply.header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing_of_it() {
    let setup = Setup {
        metrics: Some(Arc::new(|| panic!("the inside of the engine"))),
        ..Setup::default()
    };
    let api = TestApi::with(setup).await;
    let reply = api.anonymous().get("/metrics").await;
    check::problem(&reply, 500, "internal");
    assert!(!reply.text().contains("the inside"), "{}", reply.text());
}

#[tokio::test]
async fn sources_of_errors_are_never_shown() {
    let api = TestApi::start().await;
    let failure = Error::new(&codes::UPSTREAM_ERROR, "the upstream answered with 500")
        .with_source("a line of the upstream's log")
        // Nobody waits so long, so it is not tried again.
        .with_retry_after(Some(Duration::from_secs(60)));
    api.provider.will_say([Say::Fail(failure)]);
    let body = json!({"messages": [{"role": "user", "content": "hi"}]});
    let reply = api.creator().post("/v1/chat/completions", body).await;
    let error = check::openai_error(&reply, 502, "server_error", "upstream_error");
    assert_eq!(error["message"], "the upstream answered with 500");
}
