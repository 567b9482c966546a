//! The conversion from and to the shapes of the Responses API, without a server.

mod input;
mod request;
mod streams;

use expect_test::Expect;
use inkstone_domain::chat::Request;
use serde_json::{Value, json};

use super::reply::ResponseEchoReply;
use super::request::ResponsesBody;

fn converted(json: Value) -> (Request, ResponseEchoReply) {
    let body: ResponsesBody = serde_json::from_value(json).unwrap();
    body.into_domain().unwrap()
}

/// Checks what is wrong with a request that is `extra` beside a harmless input.
fn check_refusal(extra: Value, expected: Expect) {
    let mut json = json!({"model": "m", "input": "hi"});
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    let body: ResponsesBody = serde_json::from_value(json).unwrap();
    let error = body.into_domain().unwrap_err();
    assert_eq!(error.code().name, "invalid_input");
    let fields = error.fields().iter();
    let fields: String = fields
        .map(|field| format!("{}: {}\n", field.pointer, field.detail))
        .collect();
    expected.assert_eq(&fields);
}
