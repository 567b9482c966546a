//! The very JSON that is sent, by the pages "Generating content", "Function calling" and "Structured output" of
//! Google's reference.

mod extra;

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use crate::Gemini;

fn send(settings: Value, request: Request) -> Result<Value> {
    testing::reset();
    testing::settings(&settings);
    testing::http(|_| {
        let body = "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n";
        Ok(testing::response(200).body(body))
    });
    Gemini.complete(request)?.collect::<Result<Vec<Chunk>>>()?;
    let body = testing::http_requests().remove(0).body.unwrap();
    Ok(serde_json::from_slice(&body).unwrap())
}

fn body(request: Request) -> Value {
    send(json!({}), request).unwrap()
}

fn refused(request: Request) -> Error {
    let error = send(json!({}), request).unwrap_err();
    let is_silent = testing::http_requests().is_empty();
    assert!(is_silent, "it was sent all the same");
    error
}

/// Refused with this kind, in words that hold `named`.
fn refused_as(kind: ErrorKind, named: &str, request: Request) {
    let error = refused(request);
    assert_eq!(error.kind, kind, "{}", error.message);
    assert!(error.message.contains(named), "{}", error.message);
}

fn hi() -> Request {
    Request::new("gemini-2.5-flash").user("Hi")
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message {
        role,
        name: None,
        parts,
    }
}

fn call(id: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn image(media_type: &str, source: ImageSource) -> Part {
    Part::Image(Image {
        media_type: media_type.to_owned(),
        source,
    })
}

fn linked(media_type: &str, url: &str) -> Request {
    let part = image(media_type, ImageSource::Url(url.to_owned()));
    Request::new("m").message(message(Role::User, vec![part]))
}

fn with_extra(extra: Value) -> Request {
    let mut request = hi();
    request.extra = Some(extra.to_string());
    request
}

fn with_tool(choice: ToolChoice) -> Request {
    let mut request = hi().tool(ToolDefinition {
        name: "look".to_owned(),
        description: "Looks".to_owned(),
        parameters: r#"{"type":"object","properties":{"at":{"type":"string"}}}"#.to_owned(),
    });
    request.tool_choice = choice;
    request
}

#[test]
fn the_least_request() {
    let want = json!({
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": true}},
    });
    assert_eq!(body(hi()), want);
}

#[test]
fn thoughts_are_not_asked_for_where_the_admin_says_so() {
    let body = send(json!({"include_thoughts": false}), hi()).unwrap();
    assert_eq!(body["generationConfig"], json!({}));
}

#[test]
fn system_messages_are_gathered_and_speakers_take_turns() {
    let request = Request::new("m")
        .system("Be kind.")
        .user("a")
        .user("b")
        .system("Be brief.")
        .assistant("c")
        .assistant("")
        .user("d");
    let body = body(request);
    assert_eq!(
        body["systemInstruction"],
        json!({"parts": [{"text": "Be kind."}, {"text": "Be brief."}]})
    );
    let want = json!([
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
        {"role": "user", "parts": [{"text": "d"}]},
    ]);
    assert_eq!(body["contents"], want);
}

#[test]
fn nothing_to_answer_is_refused() {
    for request in [
        Request::new("m"),
        Request::new("m").system("Be kind."),
        Request::new("m").user(""),
    ] {
        refused_as(ErrorKind::InvalidInput, "`messages`", request);
    }
}

#[test]
fn images_go_as_bytes_or_by_address() {
    let parts = vec![
        Part::Text("What?".to_owned()),
        image("image/png", ImageSource::Bytes(vec![1, 2, 3, 255])),
    ];
    let sent = body(Request::new("m").message(message(Role::User, parts)));
    assert_eq!(
        sent["contents"][0]["parts"][1],
        json!({"inlineData": {"mimeType": "image/png", "data": "AQID/w=="}})
    );
    for (media_type, url, want) in [
        ("image/gif", "https://example.org/a", "image/gif"),
        ("", "https://example.org/a.JPG?size=1.5", "image/jpeg"),
        ("", "https://example.org/a.b/c.webp#x", "image/webp"),
    ] {
        let sent = body(linked(media_type, url));
        let want = json!({"fileData": {"mimeType": want, "fileUri": url}});
        assert_eq!(sent["contents"][0]["parts"][0], want);
    }
}

#[test]
fn an_image_without_a_type_is_refused() {
    for url in [
        "https://example.org/a",
        "https://example.png",
        "https://example.org/a.txt",
    ] {
        refused_as(ErrorKind::InvalidInput, url, linked("", url));
    }
    let bytes = image("", ImageSource::Bytes(vec![1]));
    let request = Request::new("m").message(message(Role::User, vec![bytes]));
    refused_as(ErrorKind::InvalidInput, "media type", request);
}

#[test]
fn tool_calls_and_results_are_tied_by_name() {
    let request = hi()
        .message(message(
            Role::Assistant,
            vec![
                Part::Text("Wait.".to_owned()),
                call("call_1", r#"{"at":"sky"}"#),
                call("call_2", " "),
            ],
        ))
        .message(Message::tool_result("call_2", "[1]"))
        .message(Message::tool_result("call_1", r#"{"seen":"blue"}"#))
        .user("And?");
    let want = json!([
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [
            {"text": "Wait."},
            {"functionCall": {"name": "look", "args": {"at": "sky"}}},
            {"functionCall": {"name": "look", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "look", "response": {"result": "[1]"}}},
            {"functionResponse": {"name": "look", "response": {"seen": "blue"}}},
            {"text": "And?"},
        ]},
    ]);
    assert_eq!(body(request)["contents"], want);
}

#[test]
fn arguments_that_are_no_object_are_refused_by_name() {
    for arguments in ["{\"at\":", "[1]", "sky"] {
        let request = hi().message(message(Role::Assistant, vec![call("call_1", arguments)]));
        refused_as(ErrorKind::InvalidInput, "`call_1` of `look`", request);
    }
}

#[test]
fn a_result_without_its_call_is_refused() {
    let request = hi().message(Message::tool_result("call_9", "x"));
    refused_as(ErrorKind::InvalidInput, "`call_9`", request);
}

#[test]
fn parts_in_the_wrong_mouth_are_refused() {
    use ErrorKind::{InvalidInput, Unsupported};
    let picture = || image("image/png", ImageSource::Bytes(vec![1]));
    let text = Part::Text("x".to_owned());
    for (kind, named, role, part) in [
        (InvalidInput, "`tool`", Role::Tool, text),
        (InvalidInput, "`user`", Role::User, call("a", "{}")),
        (Unsupported, "`messages`: ", Role::Assistant, picture()),
        (Unsupported, "`messages`: ", Role::System, picture()),
    ] {
        refused_as(kind, named, hi().message(message(role, vec![part])));
    }
}

#[test]
fn sampling_has_its_places() {
    let mut request = hi()
        .temperature(0.5)
        .top_p(0.25)
        .top_k(40)
        .max_tokens(100)
        .stop("END")
        .seed(7)
        .repeat_penalty(1.0);
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.presence_penalty = Some(-0.5);
    let want = json!({
        "temperature": 0.5,
        "topP": 0.25,
        "topK": 40,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "seed": 7,
        "frequencyPenalty": 0.5,
        "presencePenalty": -0.5,
        "thinkingConfig": {"includeThoughts": true},
    });
    assert_eq!(body(request)["generationConfig"], want);
}

#[test]
fn log_probabilities_are_asked_for_with_and_without_alternatives() {
    for (asked, has, count) in [
        (None, None, None),
        (Some(0), Some(json!(true)), None),
        (Some(5), Some(json!(true)), Some(json!(5))),
    ] {
        let request = Request {
            logprobs: asked,
            ..hi()
        };
        let config = &body(request)["generationConfig"];
        assert_eq!(config.get("responseLogprobs"), has.as_ref());
        assert_eq!(config.get("logprobs"), count.as_ref());
    }
}

#[test]
fn thoughts_are_left_out_without_a_word() {
    let thought = Part::Thought(Thought {
        text: "Hm.".to_owned(),
        signature: None,
    });
    let with = |parts| body(hi().message(message(Role::Assistant, parts)));
    let text = Part::Text("Hello.".to_owned());
    assert_eq!(with(vec![thought.clone(), text.clone()]), with(vec![text]));
    assert_eq!(with(vec![thought.clone()]), body(hi()));
    let request = hi().message(message(Role::User, vec![thought]));
    refused_as(ErrorKind::InvalidInput, "only assistants", request);
}

#[test]
fn what_the_api_lacks_is_refused_or_dropped() {
    let mut named = hi();
    named.messages[0].name = Some("Ada".to_owned());
    for (field, request) in [
        ("`repeat_penalty`", hi().repeat_penalty(1.1)),
        ("`seed`", hi().seed(1 << 31)),
        ("`name`", named),
    ] {
        refused_as(ErrorKind::Unsupported, field, request.clone());
        refused_as(
            ErrorKind::Unsupported,
            "`drop_unsupported`",
            request.clone(),
        );
        let error = refused(request.clone());
        assert!(
            error.message.starts_with(&format!("{field}: ")),
            "{}",
            error.message
        );
        let sent = send(json!({"drop_unsupported": true}), request.clone()).unwrap();
        assert_eq!(sent, body(hi()), "{field}");
        let drop_unsupported = true;
        let sent = body(Request {
            drop_unsupported,
            ..request
        });
        assert_eq!(sent, body(hi()), "{field}");
    }
}

#[test]
fn answers_are_held_to_json() {
    let mut request = hi();
    request.response_format = ResponseFormat::JsonObject;
    let config = &body(request)["generationConfig"];
    assert_eq!(config["responseMimeType"], "application/json");
    assert_eq!(config.get("responseJsonSchema"), None);

    let mut request = hi();
    let format = |schema: &str| {
        ResponseFormat::JsonSchema(JsonSchemaFormat {
            name: "answer".to_owned(),
            schema: schema.to_owned(),
            strict: true,
        })
    };
    request.response_format = format(r#"{"type":"object"}"#);
    let config = &body(request.clone())["generationConfig"];
    assert_eq!(config["responseMimeType"], "application/json");
    assert_eq!(config["responseJsonSchema"], json!({"type": "object"}));
    request.response_format = format("{");
    refused_as(ErrorKind::InvalidInput, "`response_format`", request);
}

#[test]
fn tools_are_declared() {
    let want = json!([{"functionDeclarations": [{
        "name": "look",
        "description": "Looks",
        "parametersJsonSchema": {"type": "object", "properties": {"at": {"type": "string"}}},
    }]}]);
    assert_eq!(body(with_tool(ToolChoice::Auto))["tools"], want);
    let mut request = with_tool(ToolChoice::Auto);
    request.tools[0].parameters = "{".to_owned();
    refused_as(ErrorKind::InvalidInput, "`look`", request);
}

#[test]
fn the_choice_of_tools_has_its_modes() {
    for (choice, want) in [
        (ToolChoice::Auto, json!({"mode": "AUTO"})),
        (ToolChoice::Forbid, json!({"mode": "NONE"})),
        (ToolChoice::Require, json!({"mode": "ANY"})),
        (
            ToolChoice::Named("look".to_owned()),
            json!({"mode": "ANY", "allowedFunctionNames": ["look"]}),
        ),
    ] {
        let body = body(with_tool(choice));
        assert_eq!(body["toolConfig"], json!({"functionCallingConfig": want}));
    }
    let mut request = hi();
    request.tool_choice = ToolChoice::Forbid;
    assert_eq!(body(request.clone()).get("toolConfig"), None);
    request.tool_choice = ToolChoice::Require;
    refused_as(ErrorKind::InvalidInput, "`tool_choice`", request);
}

#[test]
fn a_model_name_that_leads_elsewhere_is_refused() {
    refused_as(
        ErrorKind::InvalidInput,
        "`model`",
        Request::new("../files").user("Hi"),
    );
}
