//! What the contract can say and the API cannot, and what `extra` may hold.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;

use super::replay::*;

fn with(change: impl FnOnce(&mut Request)) -> Request {
    let mut request = hi();
    change(&mut request);
    request
}

fn lacking() -> [(Request, &'static str); 6] {
    [
        (
            with(|r| r.sampling.frequency_penalty = Some(0.5)),
            "`frequency_penalty`",
        ),
        (
            with(|r| r.sampling.presence_penalty = Some(-0.5)),
            "`presence_penalty`",
        ),
        (hi().repeat_penalty(1.15), "`repeat_penalty`"),
        (hi().seed(7), "`seed`"),
        (with(|r| r.logprobs = Some(2)), "`logprobs`"),
        (
            with(|r| r.messages[0].name = Some("Ann".to_owned())),
            "`name`",
        ),
    ]
}

#[test]
fn fields_the_api_lacks_are_refused_by_name() {
    for (request, field) in lacking() {
        let error = refused(request);
        assert_eq!(error.kind, ErrorKind::Unsupported);
        let field = format!("{field}: ");
        assert!(error.message.starts_with(&field), "{}", error.message);
        let help = "`drop_unsupported`";
        assert!(error.message.contains(help), "{}", error.message);
    }
}

#[test]
fn fields_the_api_lacks_can_be_dropped() {
    let plain = body(hi());
    for (request, field) in lacking() {
        let sent = body_with(json!({"drop_unsupported": true}), request.clone());
        assert_eq!(sent, plain, "{field}");
        let drop_unsupported = true;
        let sent = body(Request {
            drop_unsupported,
            ..request
        });
        assert_eq!(sent, plain, "{field}");
    }
}

#[test]
fn penalties_that_change_nothing_are_none() {
    let request = with(|r| {
        r.sampling.frequency_penalty = Some(0.0);
        r.sampling.presence_penalty = Some(0.0);
        r.sampling.repeat_penalty = Some(1.0);
    });
    assert_eq!(body(request), body(hi()));
}

#[test]
fn json_without_a_schema_is_refused_even_where_fields_are_dropped() {
    for settings in [json!({}), json!({"drop_unsupported": true})] {
        let request = with(|r| {
            r.response_format = ResponseFormat::JsonObject;
            r.drop_unsupported = true;
        });
        let error = send(settings, request).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(
            error.message.starts_with("`response_format`: "),
            "{}",
            error.message
        );
    }
}

#[test]
fn a_schema_that_is_no_json_is_invalid_input() {
    let error = refused(with(|r| {
        r.response_format = ResponseFormat::JsonSchema(JsonSchemaFormat {
            name: "point".to_owned(),
            schema: "{".to_owned(),
            strict: true,
        });
    }));
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(
        error.message.contains("`response_format`"),
        "{}",
        error.message
    );
}

#[test]
fn extra_fields_are_passed_through() {
    let extra = r#"{"thinking":{"type":"enabled","budget_tokens":1024},"metadata":{"user_id":"a"},
        "output_config":{"effort":"low"},"stream":false,"stream_options":{},"n":1}"#;
    let mut want = body(hi());
    want["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    want["metadata"] = json!({"user_id": "a"});
    want["output_config"] = json!({"effort": "low"});
    assert_eq!(body(with(|r| r.extra = Some(extra.to_owned()))), want);
    assert_eq!(body(with(|r| r.extra = Some(String::new()))), body(hi()));
}

#[test]
fn extra_fields_that_cannot_be_are_refused_by_name() {
    let invalid = ErrorKind::InvalidInput;
    for (extra, kind, words) in [
        (r#"{"n":2}"#, ErrorKind::Unsupported, "`n`"),
        (r#"{"model":"x"}"#, invalid, "`model`"),
        (r#"{"max_tokens":1}"#, invalid, "`max_tokens`"),
        (r#"{"system":"x"}"#, invalid, "`system`"),
        (r#"{"seed":1}"#, invalid, "`seed`"),
        (
            r#"{"output_config":{"format":null}}"#,
            invalid,
            "`output_config.format`",
        ),
        (r#"{"output_config":7}"#, invalid, "`output_config`"),
        ("[1]", invalid, "`extra`"),
        ("{", invalid, "`extra`"),
    ] {
        let error = refused(with(|r| r.extra = Some(extra.to_owned())));
        assert_eq!(error.kind, kind, "{extra}");
        assert!(error.message.contains(words), "{}", error.message);
    }
}
