//! The fields beside the input.

use expect_test::expect;
use inkstone_domain::chat::{Message, ResponseFormat, Role, Sampling, ToolChoice};
use serde_json::{Value, json};

use super::{check_refusal, converted};

#[test]
fn the_smallest_request() {
    let (request, echo) = converted(json!({"input": "größe? 📏"}));
    assert_eq!(request.model, "");
    assert_eq!(request.messages, [Message::text(Role::User, "größe? 📏")]);
    assert_eq!(request.tool_choice, ToolChoice::Auto);
    assert_eq!(request.response_format, ResponseFormat::Text);
    assert_eq!(request.sampling, Sampling::default());
    assert_eq!(request.logprobs, None);
    assert_eq!(request.extra, None);
    assert!(!request.stream && !request.drop_unsupported);
    expect![[r#"
        {
          "instructions": null,
          "max_output_tokens": null,
          "metadata": {},
          "parallel_tool_calls": true,
          "reasoning": {
            "effort": null,
            "summary": null
          },
          "temperature": null,
          "text": {
            "format": {
              "type": "text"
            }
          },
          "tool_choice": "auto",
          "tools": [],
          "top_logprobs": null,
          "top_p": null
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&echo).unwrap());
}

#[test]
fn all_known_fields_arrive_and_others_are_passed_on() {
    let (request, echo) = converted(json!({
        "model": "local/m", "input": "hi", "instructions": "be brief", "stream": true,
        "max_output_tokens": 20, "temperature": 0.5, "top_p": 0.25, "top_logprobs": 3,
        "tools": [{"type": "function", "name": "weather", "description": "now", "strict": true,
                   "parameters": {"type": "object"}},
                  {"type": "function", "name": "clock"}],
        "tool_choice": {"type": "function", "name": "clock"}, "parallel_tool_calls": false,
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "strict": true,
                                                "schema": {"type": "object"}}},
        "reasoning": {"effort": "low", "summary": "auto"}, "metadata": {"topic": "weather"},
        "store": true, "background": false, "truncation": "disabled", "max_tool_calls": 3,
        "stream_options": {"include_obfuscation": false}, "drop_unsupported": true,
        "include": ["reasoning.encrypted_content"], "user": "someone", "service_tier": "flex",
        "previous_response_id": null, "conversation": null,
    }));
    let messages = [
        Message::text(Role::System, "be brief"),
        Message::text(Role::User, "hi"),
    ];
    assert_eq!(request.messages, messages);
    assert!(request.stream && request.drop_unsupported);
    assert_eq!(request.sampling.max_tokens, Some(20));
    assert_eq!(request.sampling.temperature, Some(0.5));
    assert_eq!(request.sampling.top_p, Some(0.25));
    assert_eq!(request.logprobs, Some(3));
    assert_eq!(request.tools[0].parameters, json!({"type": "object"}));
    assert_eq!(
        request.tools[1].parameters,
        json!({"type": "object", "properties": {}})
    );
    assert_eq!(request.tool_choice, ToolChoice::Named("clock".to_owned()));
    assert_eq!(
        request.response_format,
        ResponseFormat::JsonSchema {
            name: "n".to_owned(),
            schema: json!({"type": "object"}),
            strict: true,
        }
    );
    assert_eq!(
        Value::Object(request.extra.unwrap()),
        json!({"reasoning_effort": "low", "verbosity": "low", "parallel_tool_calls": false,
               "user": "someone", "service_tier": "flex"})
    );
    assert_eq!(
        serde_json::to_value(echo).unwrap(),
        json!({
            "instructions": "be brief", "max_output_tokens": 20, "metadata": {"topic": "weather"},
            "parallel_tool_calls": false, "reasoning": {"effort": "low", "summary": "auto"},
            "temperature": 0.5, "top_p": 0.25, "top_logprobs": 3,
            "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "strict": true,
                                                    "schema": {"type": "object"}}},
            "tool_choice": {"type": "function", "name": "clock"},
            "tools": [{"type": "function", "name": "weather", "description": "now", "strict": true,
                       "parameters": {"type": "object"}},
                      {"type": "function", "name": "clock", "description": null, "strict": null,
                       "parameters": null}],
        })
    );
}

#[test]
fn log_probabilities_are_asked_for_in_two_ways() {
    let of = |extra: Value| {
        let mut json = json!({"input": "hi"});
        for (name, value) in extra.as_object().unwrap() {
            json[name] = value.clone();
        }
        converted(json).0.logprobs
    };
    let include = json!(["message.output_text.logprobs"]);
    assert_eq!(of(json!({"include": include})), Some(0));
    assert_eq!(of(json!({"include": include, "top_logprobs": 4})), Some(4));
    assert_eq!(of(json!({"top_logprobs": 4})), Some(4));
    assert_eq!(of(json!({"top_logprobs": 0})), None);
    assert_eq!(of(json!({"include": []})), None);
}

#[test]
fn what_is_not_possible_is_refused_by_name() {
    check_refusal(
        json!({"previous_response_id": "resp_1", "conversation": {"id": "c"}, "prompt": {"id": "p"},
               "context_management": [], "moderation": {"model": "m"}, "background": true,
               "truncation": "auto"}),
        expect![[r#"
            /previous_response_id: is not possible here, since no response is stored; send the whole conversation as `input`
            /conversation: is not possible here, since no response is stored; send the whole conversation as `input`
            /prompt: is not possible here, since no prompt is stored; use `instructions` and `input`
            /context_management: is not possible here; leave it out
            /moderation: is not possible here; leave it out
            /background: only `false` is possible: an answer is given at once
            /truncation: only `disabled` is possible; send less instead
        "#]],
    );
    check_refusal(
        json!({"tools": [{"type": "web_search"}, {"type": "function"}, {"type": "mcp", "server_label": "s"}]}),
        expect![[r#"
            /tools/0/type: `web_search` is not possible here; only `function` is
            /tools/1/name: a function needs a name
            /tools/2/type: `mcp` is not possible here; only `function` is
        "#]],
    );
}

#[test]
fn ranges_are_checked() {
    check_refusal(
        json!({"temperature": 2.5, "top_p": -0.1, "max_output_tokens": 0, "top_logprobs": 21}),
        expect![[r#"
            /top_logprobs: must be from 0 to 20
            /temperature: must be from 0 to 2
            /top_p: must be from 0 to 1
            /max_output_tokens: must be at least 1
        "#]],
    );
}

#[test]
fn tool_choices_are_checked() {
    check_refusal(
        json!({"tool_choice": "maybe"}),
        expect![[r#"
        /tool_choice: `maybe` is not one of `none`, `auto`, `required`
    "#]],
    );
    check_refusal(
        json!({"tool_choice": "required"}),
        expect![[r#"
        /tool_choice: `required` needs `tools`
    "#]],
    );
    check_refusal(
        json!({"tool_choice": {"type": "function", "name": "f"}}),
        expect![[r#"
            /tool_choice/name: `f` is not one of `tools`
        "#]],
    );
    check_refusal(
        json!({"tool_choice": {"type": "function"}}),
        expect![[r#"
        /tool_choice/name: must be the name of a function
    "#]],
    );
    check_refusal(
        json!({"tool_choice": {"type": "web_search_preview"}}),
        expect![[r#"
            /tool_choice/type: `web_search_preview` is not possible here; only `function` is
        "#]],
    );
}

#[test]
fn text_formats_are_checked() {
    check_refusal(
        json!({"text": {"format": {"type": "json_schema", "name": "n"}}}),
        expect![[r#"
            /text/format: `json_schema` needs `name` and `schema` beside `type`
        "#]],
    );
    check_refusal(
        json!({"text": {"format": {"type": "yaml"}}}),
        expect![[r#"
        /text/format/type: `yaml` is not one of `text`, `json_object`, `json_schema`
    "#]],
    );
    let (request, _) =
        converted(json!({"input": "hi", "text": {"format": {"type": "json_object"}}}));
    assert_eq!(request.response_format, ResponseFormat::JsonObject);
}
