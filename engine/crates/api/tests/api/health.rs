//! `/livez`, `/readyz`, `/metrics`, and the reference page.

use std::time::Duration;

use inkstone_domain::engine::EngineRole;
use inkstone_domain::{Error, codes};
use inkstone_services::HealthCheck;
use inkstone_testkit::api_client::{Setup, TestApi};
use serde_json::json;

#[tokio::test]
async fn alive_and_ready() {
    let api = TestApi::start().await;
    let alive = api.anonymous().get("/livez").await;
    assert_eq!(alive.status, 200);
    assert_eq!(
        alive.json(),
        json!({"status": "alive", "version": "0.0.0-test"})
    );
    let ready = api.anonymous().get("/readyz").await;
    assert_eq!(ready.status, 200);
    let ready = ready.json();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["checks"][0]["name"], "store");
    assert_eq!(ready["checks"][1]["name"], "search");
}

#[tokio::test]
async fn a_dependency_that_is_down_is_named() {
    let down = HealthCheck::new("mail", || async {
        Err(Error::new(
            &codes::UPSTREAM_UNREACHABLE,
            "the mail server does not answer",
        ))
    });
    let setup = Setup {
        health_checks: vec![down],
        ..Setup::default()
    };
    let api = TestApi::with(setup).await;
    let reply = api.anonymous().get("/readyz").await;
    assert_eq!(reply.status, 503);
    let reply = reply.json();
    assert_eq!(reply["status"], "not_ready");
    assert_eq!(reply["checks"][2]["name"], "mail");
    assert_eq!(reply["checks"][2]["ready"], false);
    let detail = reply["checks"][2]["detail"].as_str().unwrap();
    assert!(
        detail.contains("the mail server does not answer"),
        "{detail}"
    );
    assert_eq!(api.anonymous().get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_shutdown_is_not_ready() {
    let api = TestApi::start().await;
    assert!(api.services.shutdown(Duration::from_secs(5)).await);
    assert_eq!(api.anonymous().get("/readyz").await.status, 503);
}

#[tokio::test]
async fn metrics_are_text() {
    let api = TestApi::start().await;
    let reply = api.anonymous().get("/metrics").await;
    assert_eq!(
        reply.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(reply.text(), "inkstone_up 1\n");
}

#[tokio::test]
async fn an_engine_that_only_works_answers_its_operators_alone() {
    let setup = Setup {
        role: EngineRole::Worker,
        ..Setup::default()
    };
    let api = TestApi::with(setup).await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(api.anonymous().get(path).await.status, 200, "{path}");
    }
    for path in ["/v1/articles", "/v1/auth/login", "/docs", "/openapi.json"] {
        let refused = api.admin().get(path).await;
        assert_eq!(refused.status, 404, "{path}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("has the role `worker`"), "{detail}");
    }
}
