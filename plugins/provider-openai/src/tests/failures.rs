//! What becomes of the errors that OpenAI's page "Error codes" lists, and of those that look-alikes send.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, HttpAnswer};

use crate::OpenAi;

fn fail(answer: HttpAnswer) -> Error {
    fail_with(json!({}), answer)
}

fn fail_with(settings: serde_json::Value, answer: HttpAnswer) -> Error {
    testing::reset();
    testing::settings(&settings);
    testing::http(move |_| Ok(answer.clone()));
    match OpenAi.complete(Request::new("gpt-4.1").user("Hi")) {
        Ok(_) => panic!("the request went through"),
        Err(error) => error,
    }
}

fn documented(status: u16, body: &str) -> Error {
    let answer = testing::response(status).header("content-type", "application/json");
    let error = fail(answer.body(body));
    assert_eq!(error.upstream_status, Some(status));
    error
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/data/error_", $name, ".json"))
    };
}

#[test]
fn a_refused_key_names_the_credential_and_repeats_nothing() {
    let error = documented(401, fixture!("401"));
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(
        error.message,
        "the upstream refused access (401): invalid_api_key; check the credential `openai`, and that it is bound to this host"
    );
    // Clients would take it for their own key.
    assert_eq!(error.code, None);
}

#[test]
fn a_missing_credential_says_where_to_name_one() {
    let settings = json!({"base_url": "http://127.0.0.1:1/v1", "credential": ""});
    let error = fail_with(settings, testing::response(401));
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    let hint = "it wants a credential: name one in the setting `credential`";
    assert!(error.message.ends_with(hint), "{}", error.message);
}

#[test]
fn a_label_that_could_be_more_than_a_word_is_left_out() {
    let fault = json!({"error": {"message": "bad sk-1", "type": "the key sk-1 is bad"}});
    let error = fail(testing::response(401).json(&fault));
    assert!(!error.message.contains("sk-1"), "{}", error.message);
}

#[test]
fn a_forbidden_region_is_the_operators_matter() {
    let error = documented(403, fixture!("403"));
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    let word = "unsupported_country_region_territory";
    assert!(error.message.contains(word), "{}", error.message);
}

#[test]
fn an_unknown_model_is_not_found() {
    let error = documented(404, fixture!("404"));
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(
        error.message,
        "the upstream answered 404: The model `gpt-9` does not exist or you do not have access to it."
    );
}

#[test]
fn a_prompt_that_is_too_long_is_invalid_input() {
    let error = documented(400, fixture!("400_context"));
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("8192"), "{}", error.message);
    assert_eq!(error.code.as_deref(), Some("context_length_exceeded"));
}

#[test]
fn a_parameter_the_model_lacks_is_unsupported() {
    let error = documented(400, fixture!("400_parameter"));
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("'temperature'"), "{}", error.message);
}

#[test]
fn limits_are_told() {
    let error = documented(429, fixture!("429"));
    assert_eq!(
        (error.kind, error.retry_after_ms),
        (ErrorKind::RateLimited, None)
    );
    let error = documented(429, fixture!("429_quota"));
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert!(error.message.contains("quota"), "{}", error.message);
    assert_eq!(error.code.as_deref(), Some("insufficient_quota"));
}

#[test]
fn a_fault_of_the_server_is_upstream() {
    let error = documented(500, fixture!("500"));
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn an_overloaded_server_is_unavailable() {
    let error = documented(503, fixture!("503"));
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[test]
fn retry_after_in_seconds() {
    for (value, want) in [
        ("20", Some(20_000)),
        ("0", Some(0)),
        (" 1.5 ", Some(1_500)),
        ("-1", None),
        ("NaN", None),
        ("soon", None),
        ("1e300", Some(u32::MAX)),
    ] {
        let error = fail(testing::response(429).header("Retry-After", value));
        assert_eq!(error.retry_after_ms, want, "{value}");
    }
}

#[test]
fn retry_after_as_a_date() {
    // The clock of these tests stands at 2025-01-01T00:00:00Z.
    for (value, want) in [
        ("Wed, 01 Jan 2025 00:00:30 GMT", 30_000),
        ("Tue, 31 Dec 2024 23:59:00 GMT", 0),
    ] {
        let error = fail(testing::response(503).header("Retry-After", value));
        assert_eq!(error.retry_after_ms, Some(want), "{value}");
    }
}

#[test]
fn retry_after_in_milliseconds_goes_first() {
    let answer = testing::response(429).header("retry-after", "20");
    let error = fail(answer.header("retry-after-ms", "1250"));
    assert_eq!(error.retry_after_ms, Some(1_250));
}

#[test]
fn a_body_that_is_no_json_is_quoted_or_explained() {
    let page = "<!DOCTYPE html><html><body>Bad Gateway</body></html>";
    let error = fail(testing::response(502).body(page));
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(!error.message.contains("DOCTYPE") && error.message.contains("HTML"));
    let error = fail(testing::response(500).body("upstream\n  connect error"));
    assert_eq!(
        error.message,
        "the upstream answered 500: upstream connect error"
    );
    let error = fail(testing::response(500));
    assert_eq!(error.message, "the upstream answered 500");
    let error = fail(testing::response(500).body(vec![0xff, 0xfe]));
    assert_eq!(error.kind, ErrorKind::Upstream);
}

#[test]
fn long_words_are_cut() {
    let error = fail(testing::response(500).body("ä".repeat(200_000)));
    assert!(error.message.ends_with('…'));
    assert!(error.message.chars().count() < 600);
}

#[test]
fn a_body_that_breaks_off_does_not_hide_the_status() {
    let answer = testing::response(429).body("slow");
    let error = fail(answer.broken(Error::unavailable("gone")));
    assert_eq!(
        (error.kind, error.upstream_status),
        (ErrorKind::RateLimited, Some(429))
    );
    assert!(error.message.ends_with(": slow"), "{}", error.message);
}

#[test]
fn look_alikes_say_it_in_other_words() {
    for (body, want) in [
        (
            json!({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}),
            "too long",
        ),
        (json!({"error": "too long"}), "too long"),
        (json!({"detail": "too long"}), "too long"),
        (
            json!({"detail": [{"loc": ["body"], "msg": "too long"}, {"msg": "too wide"}]}),
            "too long; too wide",
        ),
        (
            json!([{"error": {"code": 400, "message": "too long", "status": "INVALID_ARGUMENT"}}]),
            "too long",
        ),
        (json!({"error": {"code": 400, "message": null}}), ""),
    ] {
        let error = fail(testing::response(400).json(&body));
        assert_eq!(error.kind, ErrorKind::InvalidInput, "{body}");
        assert!(error.message.ends_with(want), "{}", error.message);
    }
}

#[test]
fn statuses_without_words_have_their_kinds() {
    for (status, want) in [
        (400, ErrorKind::InvalidInput),
        (402, ErrorKind::Unauthorized),
        (405, ErrorKind::Unsupported),
        (408, ErrorKind::Timeout),
        (413, ErrorKind::InvalidInput),
        (422, ErrorKind::InvalidInput),
        (501, ErrorKind::Unsupported),
        (504, ErrorKind::Timeout),
        (529, ErrorKind::Unavailable),
        (302, ErrorKind::Upstream),
    ] {
        assert_eq!(fail(testing::response(status)).kind, want, "{status}");
    }
}

#[test]
fn what_the_host_refuses_is_passed_on() {
    testing::reset();
    testing::http(|_| Err(Error::forbidden("not granted")));
    let error = OpenAi.models().unwrap_err();
    assert_eq!(error, Error::forbidden("not granted"));
}
