//! What differs from OpenAI's API, as it goes out and as it comes in.

use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use provider_wire::openai::hosted::testing::{
    assert_has, assert_lacks, assert_manifest_agrees, read, sent,
};

use crate::{HuggingFace, SERVICE};

#[test]
fn the_manifest_agrees() {
    assert_manifest_agrees(&SERVICE, include_str!("../plugin.toml"));
}

#[test]
fn what_it_lacks_is_refused_by_name_or_dropped() {
    assert_lacks(&HuggingFace, &["top_k", "repeat_penalty"]);
    assert_has(
        &HuggingFace,
        &["seed", "logprobs", "frequency_penalty", "presence_penalty"],
    );
}

#[test]
fn a_model_may_name_who_serves_it() {
    let request = Request::new("openai/gpt-oss-120b:groq").user("Hi");
    let body = sent(&HuggingFace, request).unwrap();
    assert_eq!(body["model"], "openai/gpt-oss-120b:groq");
    assert_eq!(body["stream_options"]["include_usage"], true);
    let mut request = Request::new("m").user("Hi");
    request.sampling.top_k = Some(1);
    let error = sent(&HuggingFace, request).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}

#[test]
fn nothing_is_said_about_a_key_that_nobody_looked_at() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).body(r#"{"data":[{"id":"a"}]}"#)));
    let said = HuggingFace.validate_connection().unwrap();
    let words = "1 models: a; the list is for everybody, so the credential was not checked";
    assert!(said.ends_with(words), "{said}");
}

#[test]
fn an_error_without_an_envelope_is_told() {
    let error = read(
        &HuggingFace,
        "data: {\"error\":\"Model is overloaded\"}\n\n",
    )
    .unwrap_err();
    assert!(
        error.message.contains("Model is overloaded"),
        "{}",
        error.message
    );
}
