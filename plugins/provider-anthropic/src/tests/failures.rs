//! What becomes of the errors that Anthropic's page "Errors" lists. How they are told apart is the business of
//! `provider-wire`; here is what callers of this plugin see.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, HttpAnswer};

use super::replay::replay;
use crate::Anthropic;

fn answer(status: u16, body: &str) -> HttpAnswer {
    let head = testing::response(status).header("content-type", "application/json");
    head.header("request-id", "req_011").body(body)
}

fn documented(status: u16, body: &str) -> Error {
    let error = replay(answer(status, body)).unwrap_err();
    assert_eq!(error.upstream_status, Some(status));
    error
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/data/error_", $name, ".json"))
    };
}

#[test]
fn statuses_have_their_kinds_and_keep_the_servers_words() {
    for (status, body, kind, words) in [
        (
            400,
            fixture!("400"),
            ErrorKind::InvalidInput,
            "temperature: range: 0..1",
        ),
        (404, fixture!("404"), ErrorKind::NotFound, "model: claude-9"),
        (
            413,
            fixture!("413"),
            ErrorKind::InvalidInput,
            "maximum allowed number of bytes",
        ),
        (429, fixture!("429"), ErrorKind::RateLimited, "rate limit"),
        (
            500,
            fixture!("500"),
            ErrorKind::Upstream,
            "Internal server error",
        ),
        (504, fixture!("504"), ErrorKind::Timeout, "timed out"),
        (529, fixture!("529"), ErrorKind::Unavailable, "Overloaded"),
    ] {
        let error = documented(status, body);
        assert_eq!(error.kind, kind, "{status}");
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn a_refused_key_names_the_credential_and_repeats_nothing() {
    let error = documented(401, fixture!("401"));
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(
        error.message,
        "the upstream refused access (401): authentication_error; check the credential `anthropic`, and that it is bound to this host"
    );
}

#[test]
fn rights_and_balance_are_the_operators_matter() {
    for (status, body, word) in [
        (402, fixture!("402"), "billing_error"),
        (403, fixture!("403"), "permission_error"),
    ] {
        let error = documented(status, body);
        assert_eq!(error.kind, ErrorKind::Unauthorized, "{status}");
        assert!(error.message.contains(word), "{}", error.message);
    }
}

#[test]
fn retry_after_is_told() {
    for (status, body) in [(429, fixture!("429")), (529, fixture!("529"))] {
        let error = replay(answer(status, body).header("retry-after", "20")).unwrap_err();
        assert_eq!(error.retry_after_ms, Some(20_000), "{status}");
    }
    assert_eq!(documented(429, fixture!("429")).retry_after_ms, None);
}

#[test]
fn what_the_host_refuses_is_passed_on() {
    testing::reset();
    testing::http(|_| Err(Error::forbidden("not granted")));
    let error = Anthropic.models().unwrap_err();
    assert_eq!(error, Error::forbidden("not granted"));
}

#[test]
fn an_address_of_another_kind_is_refused() {
    testing::reset();
    testing::settings(&json!({"base_url": "api.anthropic.com"}));
    let error = Anthropic.models().unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("`base_url`"), "{}", error.message);
}

#[test]
fn embeddings_are_not_supported() {
    testing::reset();
    let request = EmbedRequest::new("claude-opus-4-6", vec!["a".to_owned()]);
    let error = Anthropic.embed(request).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("no embeddings"), "{}", error.message);
    assert!(testing::http_requests().is_empty());
}
