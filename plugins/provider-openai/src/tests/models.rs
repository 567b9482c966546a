//! Lists of models as OpenAI's page "List models" and look-alikes give them.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing::{self, HttpAnswer};
use serde_json::Value;

use crate::OpenAi;

const MODELS: &str = include_str!("../../tests/data/models.json");

fn server(settings: Value, answer: HttpAnswer) {
    testing::reset();
    testing::settings(&settings);
    testing::http(move |_| Ok(answer.clone()));
}

fn listed(settings: Value, body: Value) -> Vec<Model> {
    server(settings, testing::response(200).json(&body));
    OpenAi.models().unwrap()
}

#[test]
fn the_list_holds_what_chats_and_what_embeds() {
    server(json!({}), testing::response(200).body(MODELS));
    let want = [
        Model::chat("gpt-4.1"),
        Model::chat("gpt-4o-mini"),
        Model::chat("o4-mini"),
        Model::chat("ft:gpt-4o-mini:acme::7p4lURel"),
        Model::embedding("text-embedding-3-small"),
        Model::embedding("text-embedding-ada-002"),
    ];
    assert_eq!(OpenAi.models().unwrap(), want);
    let asked = testing::http_requests().remove(0);
    assert_eq!(asked.method, "GET");
    assert_eq!(asked.url, "https://api.openai.com/v1/models");
    assert_eq!(
        (asked.body, asked.credential.as_deref()),
        (None, Some("openai"))
    );
}

#[test]
fn kinds_are_told_by_name_by_type_or_by_the_admin() {
    let body = json!({"data": [
        {"id": "nomic-embed-text"},
        {"id": "BAAI/bge-m3"},
        {"id": "sentence-transformers/all-MiniLM-L6-v2"},
        {"id": "togethercomputer/m2-bert", "type": "embedding"},
        {"id": "BAAI/bge-reranker-v2-m3"},
        {"id": "Salesforce/Llama-Rank-v1", "type": "rerank"},
        {"id": "ranks-in-house"},
        {"id": "stabilityai/sdxl", "type": "image"},
        {"id": "in-house"},
        {"id": "llama3.2"},
        {"id": ""},
    ]});
    let settings = json!({"embedding_models": ["in-house"], "rerank_models": ["ranks-in-house"]});
    let models = listed(settings, body);
    let want = [
        Model::embedding("nomic-embed-text"),
        Model::embedding("BAAI/bge-m3"),
        Model::embedding("sentence-transformers/all-MiniLM-L6-v2"),
        Model::embedding("togethercomputer/m2-bert"),
        Model::rerank("BAAI/bge-reranker-v2-m3"),
        Model::rerank("Salesforce/Llama-Rank-v1"),
        Model::rerank("ranks-in-house"),
        Model::embedding("in-house"),
        Model::chat("llama3.2"),
    ];
    assert_eq!(models, want);
}

#[test]
fn the_context_has_many_names() {
    let body = json!([
        {"id": "a", "max_model_len": 1},
        {"id": "b", "context_length": 2},
        {"id": "c", "context_window": 3},
        {"id": "d", "max_context_length": 4},
        {"id": "e", "meta": {"n_ctx_train": 5}},
        {"id": "f", "context_length": 0},
        {"id": "g"},
    ]);
    let lengths: Vec<Option<u32>> = listed(json!({}), body)
        .into_iter()
        .map(|model| model.context_length)
        .collect();
    let want = [Some(1), Some(2), Some(3), Some(4), Some(5), None, None];
    assert_eq!(lengths, want);
}

#[test]
fn a_list_of_the_admin_asks_nobody() {
    testing::reset();
    testing::settings(&json!({
        "models": ["a", "b", "d"], "embedding_models": ["b", "c"], "rerank_models": ["d"],
    }));
    let want = [
        Model::chat("a"),
        Model::embedding("b"),
        Model::embedding("c"),
        Model::rerank("d"),
    ];
    assert_eq!(OpenAi.models().unwrap(), want);
    assert!(testing::http_requests().is_empty());
}

#[test]
fn a_server_without_a_list_says_what_would_help() {
    server(json!({}), testing::response(404).body("404 page not found"));
    let error = OpenAi.models().unwrap_err();
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
    assert_eq!(OpenAi.models().unwrap_err().kind, ErrorKind::Upstream);
}

#[test]
fn a_good_connection_names_some_models() {
    server(json!({}), testing::response(200).body(MODELS));
    assert_eq!(
        OpenAi.validate_connection().unwrap(),
        "https://api.openai.com/v1 offers 18 models, among them babbage-002, dall-e-3, ft:gpt-4o-mini:acme::7p4lURel, gpt-3.5-turbo-instruct, gpt-4.1"
    );
}

#[test]
fn a_good_connection_says_which_wanted_models_are_missing() {
    let settings = json!({"base_url": "http://127.0.0.1:8080/v1", "models": ["a", "x"], "embedding_models": ["y"]});
    let body = json!({"data": [{"id": "b"}, {"id": "a"}]});
    server(settings, testing::response(200).json(&body));
    assert_eq!(
        OpenAi.validate_connection().unwrap(),
        "http://127.0.0.1:8080/v1 offers 2 models: a, b; not there: x, y"
    );
}

#[test]
fn a_bad_connection_is_the_typed_error() {
    server(json!({}), testing::response(401));
    let error = OpenAi.validate_connection().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
}
