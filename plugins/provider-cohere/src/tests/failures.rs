//! What becomes of the errors that the page "Errors" of Cohere's reference lists: a status, and a body of one `message`.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;

use crate::Cohere;

fn fail(status: u16, message: &str) -> Error {
    let body = json!({"id": "d8c3", "message": message});
    testing::reset();
    testing::http(move |_| Ok(testing::response(status).json(&body)));
    match Cohere.complete(Request::new("command-a-03-2025").user("Hi")) {
        Ok(_) => panic!("the request went through"),
        Err(error) => error,
    }
}

#[test]
fn statuses_have_their_kinds() {
    for (status, kind) in [
        (400, ErrorKind::InvalidInput),
        (402, ErrorKind::Unauthorized),
        (403, ErrorKind::Unauthorized),
        (404, ErrorKind::NotFound),
        (422, ErrorKind::InvalidInput),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Upstream),
        (501, ErrorKind::Unsupported),
        (503, ErrorKind::Unavailable),
        (504, ErrorKind::Timeout),
    ] {
        let error = fail(status, "words");
        assert_eq!((error.kind, error.upstream_status), (kind, Some(status)));
    }
}

#[test]
fn its_words_are_told() {
    let error = fail(404, "model 'command-z' not found");
    assert_eq!(
        error.message,
        "the upstream answered 404: model 'command-z' not found"
    );
}

#[test]
fn a_refused_key_names_the_credential_and_repeats_nothing() {
    let error = fail(401, "invalid api token: abc123");
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(
        error.message,
        "the upstream refused access (401); check the credential `cohere`, and that it is bound to this host"
    );
}

#[test]
fn a_bad_connection_is_the_typed_error() {
    testing::reset();
    testing::http(|_| Ok(testing::response(401).json(&json!({"message": "no api key supplied"}))));
    let error = Cohere.validate_connection().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
}
