//! The client of the command line against a server in the shape of our API.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use inkstone_egress::Secret;
use inkstone_egress::client::{ApiClient, ApiClientConfig, ApiError};

type Map = std::collections::BTreeMap<String, String>;

async fn engine() -> ApiClient {
    let me = |headers: HeaderMap| async move {
        let token = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        Json(Map::from([("token".to_owned(), token)]))
    };
    let refuse = || async {
        let problem = r#"{"code":"unknown_plugin","title":"T","status":404,
            "detail":"there is no plugin `x`","errors":[{"pointer":"/a","detail":"b"}]}"#;
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (StatusCode::NOT_FOUND, kind, problem).into_response()
    };
    let events = || async {
        let text = ": hi\n\nevent: progress\nid: 7\ndata: {\"a\":1}\n\ndata: one\ndata: two\n\n";
        ([(header::CONTENT_TYPE, "text/event-stream")], text)
    };
    let app = Router::new()
        .route("/v1/me", get(me))
        .route(
            "/v1/echo",
            post(|body: String| async { body }).patch(|body: String| async { body }),
        )
        .route(
            "/v1/nothing",
            get(|| async { StatusCode::NO_CONTENT }).delete(|| async { StatusCode::NO_CONTENT }),
        )
        .route("/v1/refuse", get(refuse))
        .route("/v1/events", get(events).post(events))
        .route("/v1/lines", get(|| async { "one\r\ntwo\n\nfour" }))
        .route("/v1/silent", get(std::future::pending::<StatusCode>));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = ApiClientConfig::new(format!("http://{}/", listener.local_addr().unwrap()));
    config.token = Some(Secret::new("tok"));
    config.timeout = Duration::from_secs(5);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    ApiClient::new(config).unwrap()
}

#[tokio::test]
async fn json_goes_both_ways_with_a_token() {
    let client = engine().await;
    let me: Map = client.get("/v1/me").await.unwrap();
    assert_eq!(me["token"], "Bearer tok");
    let other: Map = client
        .with_token(Secret::new("t2"))
        .get("v1/me")
        .await
        .unwrap();
    assert_eq!(other["token"], "Bearer t2");
    let echoed: Vec<u32> = client.post("/v1/echo", &[1, 2]).await.unwrap();
    assert_eq!(echoed, [1, 2]);
    let patched: Vec<u32> = client.patch("/v1/echo", &[3]).await.unwrap();
    assert_eq!(patched, [3]);
    client.delete("/v1/nothing").await.unwrap();
    client.get::<()>("/v1/nothing").await.unwrap();
}

#[tokio::test]
async fn refusals_carry_status_code_and_fields() {
    let error = engine().await.get::<Map>("/v1/refuse").await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert_eq!(error.code(), Some("unknown_plugin"));
    assert_eq!(error.to_string(), "there is no plugin `x`");
    let ApiError::Refused(problem) = error else {
        panic!("{error}")
    };
    assert_eq!(problem.errors[0].pointer, "/a");
}

#[tokio::test]
async fn events_and_lines_are_read_as_they_come() {
    let client = engine().await;
    for events in [
        client.events("/v1/events").await.unwrap(),
        client.post_events("/v1/events", &()).await.unwrap(),
    ] {
        let events: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(events.len(), 2);
        assert_eq!(
            (events[0].event.as_str(), events[0].id.as_str()),
            ("progress", "7")
        );
        assert_eq!(events[0].data, "{\"a\":1}");
        assert_eq!(
            (events[1].event.as_str(), events[1].data.as_str()),
            ("message", "one\ntwo")
        );
    }
    let lines = client.lines("/v1/lines").await.unwrap();
    let lines: Vec<_> = lines.map(Result::unwrap).collect().await;
    assert_eq!(lines, ["one", "two", "", "four"]);
    let refused = client.events("/v1/refuse").await.err().unwrap();
    assert_eq!(refused.status(), Some(404));
}

#[tokio::test]
async fn no_engine_and_no_answer_are_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = ApiClient::new(ApiClientConfig {
        timeout: Duration::from_millis(50),
        ..ApiClientConfig::new(format!("http://{address}"))
    })
    .unwrap();
    let error = silent.get::<()>("/v1/me").await.unwrap_err();
    assert!(matches!(error, ApiError::Timeout { .. }), "{error:?}");
    drop(listener);
    let error = silent.get::<()>("/v1/me").await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("inkstone serve"), "{error}");

    for wrong in ["localhost:80", "ftp://x", ""] {
        let error = ApiClient::new(ApiClientConfig::new(wrong)).err().unwrap();
        assert_eq!(error.code().name, "invalid_config", "{wrong}");
    }
}
