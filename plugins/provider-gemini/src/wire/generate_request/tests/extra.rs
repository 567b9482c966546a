//! Further fields of the caller's: what is passed on, and what is refused.

use super::*;

#[test]
fn further_fields_are_passed_on() {
    let extra = json!({
        "stream": true,
        "stream_options": {},
        "n": 1,
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/1",
        "generation_config": {
            "candidateCount": 1,
            "responseModalities": ["TEXT"],
            "thinking_config": {"thinkingBudget": 0, "include_thoughts": false},
        },
    });
    let want = json!({
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/1",
        "generationConfig": {
            "responseModalities": ["TEXT"],
            "thinkingConfig": {"thinkingBudget": 0, "includeThoughts": false},
        },
    });
    assert_eq!(body(with_extra(extra)), want);
    let level = json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}});
    assert_eq!(
        body(with_extra(level))["generationConfig"]["thinkingConfig"],
        json!({"thinkingLevel": "low", "includeThoughts": true})
    );
}

#[test]
fn tools_of_the_api_stand_beside_the_callers() {
    let mut request = with_tool(ToolChoice::Auto);
    request.extra = Some(json!({"tools": [{"googleSearch": {}}]}).to_string());
    let tools = &body(request)["tools"];
    assert_eq!(tools[0]["functionDeclarations"][0]["name"], "look");
    assert_eq!(tools[1], json!({"googleSearch": {}}));
    for tools in [
        json!({}),
        json!([1]),
        json!([{"function_declarations": []}]),
    ] {
        refused_as(
            ErrorKind::InvalidInput,
            "`tools`",
            with_extra(json!({"tools": tools})),
        );
    }
}

#[test]
fn further_fields_with_a_place_of_their_own_are_refused() {
    for name in [
        "contents",
        "model",
        "systemInstruction",
        "system_instruction",
        "toolConfig",
    ] {
        refused_as(
            ErrorKind::InvalidInput,
            name,
            with_extra(json!({ name: 1 })),
        );
    }
    for name in [
        "temperature",
        "topP",
        "top_p",
        "maxOutputTokens",
        "responseSchema",
        "responseLogprobs",
        "logprobs",
        "seed",
    ] {
        let extra = json!({"generationConfig": { name: 1 }});
        refused_as(ErrorKind::InvalidInput, name, with_extra(extra));
    }
    refused_as(ErrorKind::Unsupported, "`n`", with_extra(json!({"n": 2})));
    let two = json!({"generationConfig": {"candidateCount": 2}});
    refused_as(ErrorKind::Unsupported, "`candidateCount`", with_extra(two));
    for odd in [
        json!([]),
        json!({"generationConfig": 1}),
        json!({"generationConfig": {"thinkingConfig": 1}}),
    ] {
        assert_eq!(refused(with_extra(odd)).kind, ErrorKind::InvalidInput);
    }
}

/// A key for one model must not reach another.
#[test]
fn fields_that_choose_another_model_are_refused() {
    let dearer = json!({"manualMode": {"modelName": "gemini-2.5-pro"}});
    for name in ["routingConfig", "routing_config", "modelConfig"] {
        for extra in [
            json!({"generationConfig": { name: dearer }}),
            json!({ name: dearer }),
        ] {
            refused_as(ErrorKind::InvalidInput, name, with_extra(extra));
        }
    }
}
