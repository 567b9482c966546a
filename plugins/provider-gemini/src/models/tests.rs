//! Lists of models as Google's page "Models" gives them.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, HttpAnswer};
use serde_json::Value;

use crate::Gemini;

const FIRST_PAGE: &str = include_str!("../../tests/data/models_1.json");
const LAST_PAGE: &str = include_str!("../../tests/data/models_2.json");
const URL: &str = "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000";

fn server(settings: Value, answer: HttpAnswer) {
    testing::reset();
    testing::settings(&settings);
    testing::http(move |_| Ok(answer.clone()));
}

fn paged(settings: Value) {
    testing::reset();
    testing::settings(&settings);
    testing::http(|request| {
        let is_first = !request.url.contains("pageToken");
        let page = if is_first { FIRST_PAGE } else { LAST_PAGE };
        Ok(testing::response(200).body(page))
    });
}

#[test]
fn every_page_is_read_and_the_methods_tell_the_kind() {
    paged(json!({}));
    let want = [
        Model::chat("gemini-2.5-flash").with_context_length(1_048_576),
        Model::embedding("gemini-embedding-001").with_context_length(2_048),
    ];
    assert_eq!(Gemini.models().unwrap(), want);
    let asked = testing::http_requests();
    assert_eq!(asked[0].url, URL);
    assert_eq!(
        asked[1].url,
        format!("{URL}&pageToken=Ch9tb2RlbHMv%2BA%3D%3D")
    );
    assert_eq!((asked.len(), asked[0].method.as_str()), (2, "GET"));
    assert_eq!(asked[1].credential.as_deref(), Some("gemini"));
}

#[test]
fn odd_models_are_left_out() {
    let body = json!({"models": [
        {"name": "models/a", "supportedGenerationMethods": ["batchEmbedContents"], "inputTokenLimit": 0},
        {"name": "models/b"},
        {"name": "", "supportedGenerationMethods": ["generateContent"]},
        {"name": "tunedModels/c", "supportedGenerationMethods": ["generateContent"]},
        {"name": "models/d", "supportedGenerationMethods": ["generateContent", "embedContent"]},
    ], "nextPageToken": ""});
    server(
        json!({"embedding_models": ["models/d"]}),
        testing::response(200).json(&body),
    );
    let want = [
        Model::embedding("a"),
        Model::chat("tunedModels/c"),
        Model::embedding("d"),
    ];
    assert_eq!(Gemini.models().unwrap(), want);
}

#[test]
fn a_list_without_an_end_is_an_error() {
    server(json!({}), testing::response(200).body(FIRST_PAGE));
    let error = Gemini.models().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(error.message.contains("20 pages"), "{}", error.message);
}

#[test]
fn a_list_of_the_admin_asks_nobody() {
    testing::reset();
    testing::settings(&json!({"models": ["a", "models/b"], "embedding_models": ["b", "c"]}));
    let want = [
        Model::chat("a"),
        Model::embedding("b"),
        Model::embedding("c"),
    ];
    assert_eq!(Gemini.models().unwrap(), want);
    assert!(testing::http_requests().is_empty());
}

#[test]
fn a_server_without_a_list_says_what_would_help() {
    server(json!({}), testing::response(404).body("404 page not found"));
    let error = Gemini.models().unwrap_err();
    assert_eq!(
        (error.kind, error.upstream_status),
        (ErrorKind::NotFound, Some(404))
    );
    assert!(error.message.contains("`base_url`"), "{}", error.message);
    assert!(error.message.contains("`models`"), "{}", error.message);
}

#[test]
fn what_is_no_list_is_an_upstream_error() {
    server(json!({}), testing::response(200).body("<html></html>"));
    assert_eq!(Gemini.models().unwrap_err().kind, ErrorKind::Upstream);
}

#[test]
fn a_good_connection_names_models_and_what_is_missing() {
    paged(json!({"models": ["gemini-2.5-flash", "models/x"], "embedding_models": ["y"]}));
    assert_eq!(
        Gemini.validate_connection().unwrap(),
        "https://generativelanguage.googleapis.com/v1beta offers 3 models: gemini-2.5-flash, gemini-embedding-001, imagen-4.0-generate-001; not there: x, y"
    );
}

#[test]
fn a_bad_connection_is_the_typed_error() {
    server(json!({}), testing::response(401));
    let error = Gemini.validate_connection().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    server(json!({"base_url": "localhost"}), testing::response(200));
    let error = Gemini.validate_connection().unwrap_err();
    assert!(error.message.contains("base_url"), "{}", error.message);
}
