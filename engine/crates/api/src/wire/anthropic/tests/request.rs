//! The fields beside the messages, and errors on their way back.

use expect_test::expect;
use inkstone_domain::chat::{Message, Part, ResponseFormat, Role, Sampling, ToolChoice};
use inkstone_domain::{Error, codes};
use serde_json::{Value, json};

use super::{check_refusal, converted};
use crate::wire::anthropic::error::AnthropicError;

/// A harmless request with these fields beside.
fn with(extra: Value) -> Value {
    let mut json = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    json
}

#[test]
fn the_smallest_request() {
    let request = converted(with(json!({})));
    assert_eq!(request.model, "");
    assert_eq!(request.messages, [Message::text(Role::User, "hi")]);
    assert_eq!(
        request.sampling,
        Sampling {
            max_tokens: Some(9),
            ..Sampling::default()
        }
    );
    assert_eq!(request.tool_choice, ToolChoice::Auto);
    assert_eq!(request.extra, None);
    assert!(!request.stream && !request.drop_unsupported);
}

#[test]
fn all_known_fields_arrive_and_others_are_passed_on() {
    let request = converted(with(json!({
        "model": "local/m", "system": "be brief", "stream": true, "drop_unsupported": true,
        "temperature": 0.5, "top_p": 0.25, "top_k": 40, "stop_sequences": ["a", "b"],
        "tools": [{"name": "weather", "description": "now", "input_schema": {"type": "object"},
                   "cache_control": {"type": "ephemeral"}},
                  {"type": "custom", "name": "clock"}],
        "tool_choice": {"type": "tool", "name": "clock", "disable_parallel_tool_use": true},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "metadata": {"user_id": "u"},
        "service_tier": "auto", "cache_control": {"type": "ephemeral"}, "container": null,
        "context_management": {"edits": []}, "diagnostics": {"previous_message_id": null},
    })));
    assert_eq!(request.messages[0], Message::text(Role::System, "be brief"));
    assert!(request.stream && request.drop_unsupported);
    let sampling = &request.sampling;
    assert_eq!(sampling.temperature, Some(0.5));
    assert_eq!(sampling.top_p, Some(0.25));
    assert_eq!(sampling.top_k, Some(40));
    assert_eq!(sampling.stop, ["a", "b"]);
    assert_eq!(request.tools[0].description, "now");
    assert_eq!(
        request.tools[1].parameters,
        json!({"type": "object", "properties": {}})
    );
    assert_eq!(request.tool_choice, ToolChoice::Named("clock".to_owned()));
    assert_eq!(
        request.response_format,
        ResponseFormat::JsonSchema {
            name: "answer".to_owned(),
            schema: json!({"type": "object"}),
            strict: true,
        }
    );
    assert_eq!(
        Value::Object(request.extra.unwrap()),
        json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "metadata": {"user_id": "u"},
               "service_tier": "auto", "output_config": {"effort": "low"}, "parallel_tool_calls": false})
    );
}

#[test]
fn the_system_is_a_text_or_blocks() {
    let system = |system: Value| {
        let request = converted(with(json!({"system": system})));
        match &request.messages[..] {
            [Message { role, parts, .. }, _] if *role == Role::System => parts.clone(),
            _ => Vec::new(),
        }
    };
    let blocks = json!([{"type": "text", "text": "a"},
                        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]);
    let texts = ["a", "b"].map(|text| Part::Text(text.to_owned()));
    assert_eq!(system(blocks), texts);
    assert_eq!(system(json!("")), []);
    assert_eq!(system(json!([])), []);
    assert_eq!(system(json!(null)), []);
}

#[test]
fn the_tool_choice_has_words_of_its_own() {
    let choice = |choice: Value| {
        converted(with(
            json!({"tools": [{"name": "f"}], "tool_choice": choice}),
        ))
        .tool_choice
    };
    assert_eq!(choice(json!({"type": "auto"})), ToolChoice::Auto);
    assert_eq!(choice(json!({"type": "any"})), ToolChoice::Require);
    assert_eq!(choice(json!({"type": "none"})), ToolChoice::Forbid);
    assert_eq!(choice(json!(null)), ToolChoice::Auto);
}

#[test]
fn all_wrong_fields_are_told_at_once() {
    check_refusal(
        json!({"max_tokens": null, "temperature": 99, "top_p": 2, "top_k": 0, "stop_sequences": [""],
               "messages": [], "container": "c", "mcp_servers": [],
               "system": [{"type": "image"}, {"type": "text"}],
               "output_config": {"format": {"type": "yaml"}}}),
        expect![[r#"
            /container: is not possible here; leave it out
            /mcp_servers: is not possible here; leave it out
            /max_tokens: is needed; it must be at least 1
            /temperature: must be from 0 to 2
            /top_p: must be from 0 to 1
            /top_k: must be at least 1
            /stop_sequences: must not be empty
            /output_config/format: must be `{"type": "json_schema", "schema": {…}}`
            /messages: at least one message is needed
            /system/0/type: `image` is not possible here; only `text` is
            /system/1/text: a block of the type `text` needs a text
        "#]],
    );
    check_refusal(
        json!({"max_tokens": 0, "tools": [{"type": "web_search_20250305", "name": "web_search"}],
               "tool_choice": {"type": "required"}}),
        expect![[r#"
            /max_tokens: must be at least 1
            /tools/0/type: `web_search_20250305` is not possible here; only `custom` is
            /tool_choice/type: `required` is not one of `auto`, `any`, `tool`, `none`
        "#]],
    );
}

#[test]
fn tool_choices_are_checked() {
    check_refusal(
        json!({"tool_choice": {"type": "any"}}),
        expect![[r#"
        /tool_choice: `any` needs `tools`
    "#]],
    );
    check_refusal(
        json!({"tool_choice": {"type": "tool"}}),
        expect![[r#"
        /tool_choice/name: must be the name of a tool
    "#]],
    );
    check_refusal(
        json!({"tool_choice": {"type": "tool", "name": "f"}}),
        expect![[r#"
            /tool_choice/name: `f` is not one of `tools`
        "#]],
    );
}

#[test]
fn errors_have_anthropics_types_and_our_codes() {
    let mut table = String::new();
    for code in [
        &codes::INVALID_INPUT,
        &codes::METHOD_NOT_ALLOWED,
        &codes::MISSING_TOKEN,
        &codes::FORBIDDEN,
        &codes::UNKNOWN_MODEL,
        &codes::BODY_TOO_LARGE,
        &codes::RATE_LIMITED,
        &codes::CONFLICT,
        &codes::CANCELLED,
        &codes::INTERNAL,
        &codes::UPSTREAM_ERROR,
        &codes::MODEL_UNAVAILABLE,
        &codes::UPSTREAM_TIMEOUT,
    ] {
        let error = AnthropicError::new(&Error::new(code, "…"), "req-1");
        table.push_str(&format!("{}: {}\n", error.error.code, error.error.kind));
    }
    expect![[r#"
        invalid_input: invalid_request_error
        method_not_allowed: invalid_request_error
        missing_token: authentication_error
        forbidden: permission_error
        unknown_model: not_found_error
        body_too_large: request_too_large
        rate_limit_exceeded: rate_limit_error
        conflict: invalid_request_error
        cancelled: invalid_request_error
        internal: api_error
        upstream_error: api_error
        model_unavailable: overloaded_error
        upstream_timeout: timeout_error
    "#]]
    .assert_eq(&table);
    let error = Error::new(&codes::UPSTREAM_RATE_LIMITED, "no balance")
        .with_upstream_code(Some("insufficient_quota".to_owned()));
    assert_eq!(
        serde_json::to_value(AnthropicError::new(&error, "req-1")).unwrap(),
        json!({"type": "error", "request_id": "req-1", "error": {
            "type": "rate_limit_error", "message": "no balance", "code": "insufficient_quota"}})
    );
}
