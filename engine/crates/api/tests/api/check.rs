//! What every error reply must have, in every envelope.

use inkstone_testkit::api_client::TestReply;
use serde_json::Value;

/// A problem with this status and code, whole in all its parts. Returns it.
#[track_caller]
pub fn problem(reply: &TestReply, status: u16, code: &str) -> Value {
    assert_eq!(
        reply.header("content-type"),
        "application/problem+json",
        "{reply:?}"
    );
    let problem = reply.json();
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(reply.status, status, "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], format!("urn:inkstone:problem:{code}"));
    assert_eq!(problem["request_id"], reply.header("x-request-id"));
    for words in ["title", "detail"] {
        assert!(
            problem[words].as_str().is_some_and(|text| !text.is_empty()),
            "{problem}"
        );
    }
    problem
}

/// An error in OpenAI's envelope with this status, type and code. Returns its inside.
#[track_caller]
pub fn openai_error(reply: &TestReply, status: u16, kind: &str, code: &str) -> Value {
    assert_eq!(
        reply.header("content-type"),
        "application/json",
        "{reply:?}"
    );
    let error = reply.json()["error"].clone();
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(reply.status, status, "{error}");
    assert_eq!(error["type"], kind);
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{error}"
    );
    assert!(error.get("param").is_some(), "{error}");
    error
}

/// An error in Anthropic's envelope with this status, type and code. Returns its inside.
#[track_caller]
pub fn anthropic_error(reply: &TestReply, status: u16, kind: &str, code: &str) -> Value {
    assert_eq!(
        reply.header("content-type"),
        "application/json",
        "{reply:?}"
    );
    let body = reply.json();
    let error = body["error"].clone();
    assert_eq!(error["code"], code, "{body}");
    assert_eq!(reply.status, status, "{body}");
    assert_eq!(body["type"], "error");
    assert_eq!(error["type"], kind);
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{error}"
    );
    assert_eq!(body["request_id"], reply.header("x-request-id"));
    assert_eq!(body["request_id"], reply.header("request-id"));
    error
}
