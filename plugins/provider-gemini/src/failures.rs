//! What becomes of the errors that Google's page "Troubleshooting guide" lists, in the envelope all its APIs share.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, HttpAnswer};
use serde_json::Value;

use crate::Gemini;

fn fail_with(settings: Value, answer: HttpAnswer) -> Error {
    testing::reset();
    testing::settings(&settings);
    testing::http(move |_| Ok(answer.clone()));
    match Gemini.complete(Request::new("gemini-2.5-flash").user("Hi")) {
        Ok(_) => panic!("the request went through"),
        Err(error) => error,
    }
}

fn fail(answer: HttpAnswer) -> Error {
    fail_with(json!({}), answer)
}

fn documented(status: u16, body: &str) -> Error {
    let answer =
        testing::response(status).header("content-type", "application/json; charset=UTF-8");
    let error = fail(answer.body(body));
    assert_eq!(error.upstream_status, Some(status));
    error
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../tests/data/error_", $name, ".json"))
    };
}

#[test]
fn a_field_the_api_does_not_know_is_invalid_input() {
    let error = documented(400, fixture!("400"));
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert_eq!(
        error.message,
        "the upstream answered 400: Invalid JSON payload received. Unknown name \"foo\" at 'generation_config': Cannot find field."
    );
}

#[test]
fn a_refused_key_is_the_operators_matter_though_its_status_is_400() {
    let error = documented(400, fixture!("400_key"));
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(
        error.message,
        "the upstream refused access (400): API_KEY_INVALID; check the credential `gemini`, and that it is bound to this host"
    );
}

#[test]
fn what_is_said_about_a_key_is_not_repeated() {
    let error = documented(403, fixture!("403"));
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(!error.message.contains("AIza"), "{}", error.message);
    assert!(
        error.message.contains("(403): PERMISSION_DENIED"),
        "{}",
        error.message
    );
    let odd = json!({"error": {"code": 403, "message": "AIza", "status": "key AIza"}});
    let error = fail(testing::response(403).json(&odd));
    assert!(!error.message.contains("AIza"), "{}", error.message);
}

#[test]
fn a_missing_credential_says_where_to_name_one() {
    let error = fail_with(
        json!({"credential": ""}),
        testing::response(401).json(&json!({})),
    );
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    let hint = "it wants a credential: name one in the setting `credential`";
    assert!(error.message.ends_with(hint), "{}", error.message);
    assert_eq!(testing::http_requests()[0].credential, None);
}

#[test]
fn an_unknown_model_is_not_found() {
    let error = documented(404, fixture!("404"));
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(
        error.message.contains("models/gemini-9"),
        "{}",
        error.message
    );
}

#[test]
fn a_limit_says_how_long_to_wait() {
    let error = documented(429, fixture!("429"));
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert_eq!(error.retry_after_ms, Some(34_075));
    assert!(error.message.contains("quota"), "{}", error.message);
    assert!(!error.message.contains('\n'), "{}", error.message);
}

#[test]
fn delays_are_read_from_details_or_from_the_header() {
    let detail = |delay: Value| json!({"error": {"code": 429, "details": [{"retryDelay": delay}]}});
    for (body, header, want) in [
        (detail(json!("2s")), "9", Some(2_000)),
        (detail(json!("0s")), "9", Some(0)),
        (detail(json!("-1s")), "9", Some(9_000)),
        (detail(json!("soon")), "9", Some(9_000)),
        (detail(json!({"seconds": 2})), "1.5", Some(1_500)),
        (json!({}), "NaN", None),
        (json!([detail(json!("2s"))]), "9", Some(2_000)),
        (json!("no envelope"), "9", Some(9_000)),
        (detail(json!("1e300s")), "9", Some(u32::MAX)),
    ] {
        let error = fail(
            testing::response(429)
                .header("retry-after", header)
                .json(&body),
        );
        assert_eq!(error.kind, ErrorKind::RateLimited);
        assert_eq!(error.retry_after_ms, want, "{body}");
    }
}

#[test]
fn faults_of_the_server_have_their_kinds() {
    let error = documented(500, fixture!("500"));
    assert_eq!(error.kind, ErrorKind::Upstream);
    let error = documented(503, fixture!("503"));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(
        error.message,
        "the upstream answered 503: The model is overloaded. Please try again later."
    );
    let error = fail(testing::response(504).json(&json!({})));
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.message, "the upstream answered 504");
}

#[test]
fn a_proxys_page_is_explained() {
    let page = "<!DOCTYPE html><html><body>Bad Gateway</body></html>";
    let error = fail(
        testing::response(502)
            .header("content-type", "text/html")
            .body(page),
    );
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(!error.message.contains("DOCTYPE") && error.message.contains("HTML"));
}

#[test]
fn long_words_are_cut() {
    let body = json!({"error": {"code": 500, "message": "ä".repeat(2_000)}});
    let error = fail(testing::response(500).json(&body));
    assert!(error.message.ends_with('…'));
    assert!(error.message.chars().count() < 600);
}

#[test]
fn what_the_host_refuses_is_passed_on() {
    testing::reset();
    testing::http(|_| Err(Error::forbidden("not granted")));
    let error = Gemini.models().unwrap_err();
    assert_eq!(error, Error::forbidden("not granted"));
}
