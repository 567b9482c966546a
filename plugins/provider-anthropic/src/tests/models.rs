//! Lists of models as Anthropic's page "List Models" gives them.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, HttpAnswer};
use serde_json::Value;

use crate::Anthropic;

const MODELS: &str = include_str!("../../tests/data/models.json");

fn server(settings: Value, answer: HttpAnswer) {
    testing::reset();
    testing::settings(&settings);
    testing::http(move |_| Ok(answer.clone()));
}

#[test]
fn the_list_holds_what_can_be_called() {
    server(json!({}), testing::response(200).body(MODELS));
    let want = [
        Model::chat("claude-opus-4-6").with_context_length(200_000),
        Model::chat("claude-sonnet-4-5-20250929"),
    ];
    assert_eq!(Anthropic.models().unwrap(), want);
    let asked = testing::http_requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].method, "GET");
    assert_eq!(
        asked[0].url,
        "https://api.anthropic.com/v1/models?limit=1000"
    );
    assert_eq!(asked[0].credential.as_deref(), Some("anthropic"));
    let version = ("anthropic-version".to_owned(), "2023-06-01".to_owned());
    assert!(asked[0].headers.contains(&version));
}

#[test]
fn all_pages_are_read() {
    testing::reset();
    testing::http(|request| {
        let page = match request.url.split_once("after_id=") {
            None => json!({"data": [{"id": "a"}], "has_more": true, "last_id": "a/ä"}),
            Some((_, "a%2F%C3%A4")) => json!({"data": [{"id": "b"}], "has_more": true}),
            Some((_, "b")) => json!({"data": [{"id": "c"}], "has_more": false, "last_id": "c"}),
            Some(other) => panic!("{other:?}"),
        };
        Ok(testing::response(200).json(&page))
    });
    let names: Vec<String> = Anthropic
        .models()
        .unwrap()
        .into_iter()
        .map(|m| m.id)
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_server_that_goes_in_a_circle_is_left() {
    let page = json!({"data": [{"id": "a"}], "has_more": true, "last_id": "a"});
    server(json!({}), testing::response(200).json(&page));
    assert_eq!(Anthropic.models().unwrap().len(), 2);
    let empty = json!({"data": [], "has_more": true, "last_id": null});
    server(json!({}), testing::response(200).json(&empty));
    assert_eq!(Anthropic.models().unwrap(), []);
    testing::reset();
    let mut page = 0;
    testing::http(move |_| {
        page += 1;
        let body = json!({"data": [], "has_more": true, "last_id": page.to_string()});
        Ok(testing::response(200).json(&body))
    });
    assert_eq!(Anthropic.models().unwrap(), []);
    assert_eq!(testing::http_requests().len(), 20);
}

#[test]
fn a_list_of_the_admin_asks_nobody() {
    testing::reset();
    testing::settings(&json!({"models": ["a", "b"]}));
    assert_eq!(
        Anthropic.models().unwrap(),
        [Model::chat("a"), Model::chat("b"),]
    );
    assert!(testing::http_requests().is_empty());
}

#[test]
fn a_server_without_a_list_says_what_would_help() {
    server(json!({}), testing::response(404).body("not here"));
    let error = Anthropic.models().unwrap_err();
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
    assert_eq!(Anthropic.models().unwrap_err().kind, ErrorKind::Upstream);
}

#[test]
fn a_good_connection_names_models() {
    server(json!({}), testing::response(200).body(MODELS));
    assert_eq!(
        Anthropic.validate_connection().unwrap(),
        "https://api.anthropic.com offers 2 models: claude-opus-4-6, claude-sonnet-4-5-20250929"
    );
    let data: Vec<Value> = (1..=7).map(|n| json!({"id": format!("m{n}")})).collect();
    server(
        json!({}),
        testing::response(200).json(&json!({"data": data})),
    );
    assert_eq!(
        Anthropic.validate_connection().unwrap(),
        "https://api.anthropic.com offers 7 models, among them m1, m2, m3, m4, m5"
    );
}

#[test]
fn a_good_connection_says_which_wanted_models_are_missing() {
    let settings = json!({"base_url": "http://127.0.0.1:8080/v1/", "models": ["a", "x"]});
    let body = json!({"data": [{"id": "b"}, {"id": "a"}]});
    server(settings, testing::response(200).json(&body));
    assert_eq!(
        Anthropic.validate_connection().unwrap(),
        "http://127.0.0.1:8080 offers 2 models: a, b; not there: x"
    );
}

#[test]
fn a_bad_connection_is_the_typed_error() {
    server(json!({}), testing::response(401));
    let error = Anthropic.validate_connection().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
}
