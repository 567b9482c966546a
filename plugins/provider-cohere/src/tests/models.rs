//! Lists of models as the page "List Models" of Cohere's reference gives them.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;

use crate::Cohere;

const MODELS: &str = include_str!("../../tests/data/models.json");

fn serve() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(MODELS)));
}

#[test]
fn endpoints_tell_what_a_model_is_for() {
    serve();
    let want = [
        Model::chat("command-a-03-2025").with_context_length(288_000),
        Model::embedding("embed-v4.0").with_context_length(128_000),
        Model::rerank("rerank-v3.5"),
    ];
    assert_eq!(Cohere.models().unwrap(), want);
    let sent = testing::http_requests().remove(0);
    assert_eq!(sent.url, "https://api.cohere.com/v1/models?page_size=1000");
    assert_eq!(sent.credential.as_deref(), Some("cohere"));
}

#[test]
fn all_pages_are_read_and_a_circle_is_not_followed() {
    testing::reset();
    testing::http(|request| {
        let is_first = !request.url.contains("page_token");
        let reply = if is_first {
            json!({"models": [{"name": "a", "endpoints": ["chat"]}], "next_page_token": "b c"})
        } else {
            assert!(
                request.url.ends_with("&page_token=b%20c"),
                "{}",
                request.url
            );
            json!({"models": [{"name": "b", "endpoints": ["chat"]}]})
        };
        Ok(testing::response(200).json(&reply))
    });
    assert_eq!(
        Cohere.models().unwrap(),
        [Model::chat("a"), Model::chat("b")]
    );
    testing::http(|_| {
        let reply = json!({"models": [], "next_page_token": "again"});
        Ok(testing::response(200).json(&reply))
    });
    assert_eq!(Cohere.models().unwrap_err().kind, ErrorKind::Upstream);
}

#[test]
fn a_list_of_the_admin_asks_nobody() {
    testing::reset();
    testing::settings(&json!({"models": ["a"], "rerank_models": ["b"], "embedding_models": ["c"]}));
    let want = [Model::chat("a"), Model::embedding("c"), Model::rerank("b")];
    assert_eq!(Cohere.models().unwrap(), want);
    assert!(testing::http_requests().is_empty());
}

#[test]
fn a_good_connection_says_what_was_reached() {
    serve();
    testing::settings(&json!({"models": ["command-a-03-2025", "command-z"]}));
    assert_eq!(
        Cohere.validate_connection().unwrap(),
        "https://api.cohere.com offers 4 models: cohere-classify, command-a-03-2025, embed-v4.0, rerank-v3.5; not there: command-z"
    );
    assert_eq!(testing::http_requests().len(), 1);
}
