//! `contents` and `systemInstruction`: the messages of a conversation as the API wants them. It knows two speakers,
//! who take turns, so messages of one speaker in a row become one. Thoughts are left out: the API wants nothing of them
//! back but the signatures of calls, which travel in the calls' ids.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inkstone_plugin::provider::{
    Error, Image, ImageSource, Message, Part, Result, Role, ToolCall, ToolResult,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::lacking;
use crate::call_id;

const USER: &str = "user";
const MODEL: &str = "model";

/// `systemInstruction`.
#[derive(Debug, Serialize)]
pub struct SystemBody<'a> {
    parts: Vec<PartBody<'a>>,
}

/// What one speaker said in one turn.
#[derive(Debug, Serialize)]
pub struct ContentBody<'a> {
    role: &'static str,
    parts: Vec<PartBody<'a>>,
}

/// One of the first five is set.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<InlineData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<FileData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<FunctionResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InlineData<'a> {
    mime_type: &'a str,
    data: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileData<'a> {
    mime_type: &'a str,
    file_uri: &'a str,
}

#[derive(Debug, Serialize)]
struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: &'a str,
    args: &'a RawValue,
}

#[derive(Debug, Serialize)]
struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: &'a str,
    response: ResponseBody<'a>,
}

/// The API wants an object; any other result is put into one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResponseBody<'a> {
    Object(&'a RawValue),
    Text { result: &'a str },
}

/// The messages, sorted.
pub struct Conversation<'a> {
    pub system: Option<SystemBody<'a>>,
    pub contents: Vec<ContentBody<'a>>,
}

impl<'a> Conversation<'a> {
    /// Sorts the messages; an error names what does not fit. `drops`: what the API lacks is left out.
    pub fn new(messages: &'a [Message], drops: bool) -> Result<Self> {
        let mut builder = Builder::default();
        for message in messages {
            if message.name.is_some() && !drops {
                return Err(lacking(
                    "`name`: Gemini's API has no such field of a message",
                ));
            }
            for part in &message.parts {
                builder.part(message.role, part)?;
            }
        }
        if builder.contents.is_empty() {
            return Err(Error::invalid_input(
                "`messages` holds nothing to answer: at least one message that is not of role `system` and not empty is needed",
            ));
        }
        let parts = builder.system;
        Ok(Self {
            system: (!parts.is_empty()).then_some(SystemBody { parts }),
            contents: builder.contents,
        })
    }
}

#[derive(Default)]
struct Builder<'a> {
    system: Vec<PartBody<'a>>,
    contents: Vec<ContentBody<'a>>,
    /// Names of the functions called so far, by the ids of the calls.
    called: BTreeMap<&'a str, &'a str>,
}

impl<'a> Builder<'a> {
    fn part(&mut self, role: Role, part: &'a Part) -> Result<()> {
        match (role, part) {
            (Role::User | Role::Assistant | Role::Tool, Part::ToolResult(result)) => {
                let response = self.function_response(result)?;
                self.push(USER, response);
            }
            (Role::Tool, _) => {
                return Err(Error::invalid_input(
                    "a message of role `tool` holds tool results and nothing else",
                ));
            }
            // The API refuses an empty text, which says nothing anyway.
            (_, Part::Text(text)) if text.is_empty() => {}
            (Role::System, Part::Text(text)) => self.system.push(text_body(text)),
            (Role::System, _) => {
                return Err(Error::unsupported(
                    "`messages`: a message of role `system` holds texts and nothing else",
                ));
            }
            (Role::User, Part::Text(text)) => self.push(USER, text_body(text)),
            (Role::Assistant, Part::Text(text)) => self.push(MODEL, text_body(text)),
            (Role::User, Part::Image(image)) => self.push(USER, image_body(image)?),
            (Role::Assistant, Part::Image(_)) => {
                return Err(Error::unsupported(
                    "`messages`: an image in a message of role `assistant`; images are taken from users only",
                ));
            }
            (Role::Assistant, Part::ToolCall(call)) => {
                self.called.insert(&call.id, &call.name);
                self.push(MODEL, function_call(call)?);
            }
            (Role::Assistant, Part::Thought(_)) => {}
            (Role::User, Part::ToolCall(_) | Part::Thought(_)) => {
                return Err(Error::invalid_input(
                    "a tool call or a thought in a message of role `user`: only assistants call tools and think",
                ));
            }
        }
        Ok(())
    }

    fn push(&mut self, role: &'static str, part: PartBody<'a>) {
        match self.contents.last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => self.contents.push(ContentBody {
                role,
                parts: vec![part],
            }),
        }
    }

    /// The API ties a result to its call by the function's name.
    fn function_response(&self, result: &'a ToolResult) -> Result<PartBody<'a>> {
        let id = result.tool_call_id.as_str();
        let Some(name) = self.called.get(id) else {
            return Err(Error::invalid_input(format!(
                "a tool result answers the call `{id}`, but no earlier message holds that call"
            )));
        };
        let response = match object(result.content.trim()) {
            Ok(object) => ResponseBody::Object(object),
            Err(_) => ResponseBody::Text {
                result: &result.content,
            },
        };
        Ok(PartBody {
            function_response: Some(FunctionResponse {
                id: call_id::take_back(id).of_api,
                name,
                response,
            }),
            ..PartBody::default()
        })
    }
}

fn text_body(text: &str) -> PartBody<'_> {
    PartBody {
        text: Some(text),
        ..PartBody::default()
    }
}

fn function_call(call: &ToolCall) -> Result<PartBody<'_>> {
    let text = match call.arguments.trim() {
        // Models write nothing where a function takes nothing.
        "" => "{}",
        text => text,
    };
    let args = object(text).map_err(|reason| {
        Error::invalid_input(format!(
            "arguments of the tool call `{}` of `{}`: no JSON object{reason}",
            call.id, call.name
        ))
    })?;
    let id = call_id::take_back(&call.id);
    Ok(PartBody {
        function_call: Some(FunctionCall {
            id: id.of_api,
            name: &call.name,
            args,
        }),
        thought_signature: id.signature,
        ..PartBody::default()
    })
}

/// A JSON object as it is written, else why it is none.
fn object(text: &str) -> Result<&RawValue, Cow<'static, str>> {
    if !text.starts_with('{') {
        return Err(Cow::Borrowed(""));
    }
    serde_json::from_str(text).map_err(|error| Cow::Owned(format!(" ({error})")))
}

fn image_body(image: &Image) -> Result<PartBody<'_>> {
    let media_type = image.media_type.as_str();
    match &image.source {
        ImageSource::Bytes(_) if media_type.is_empty() => Err(Error::invalid_input(
            "an image given as bytes needs its media type, such as image/png",
        )),
        ImageSource::Bytes(bytes) => Ok(PartBody {
            inline_data: Some(InlineData {
                mime_type: media_type,
                data: BASE64.encode(bytes),
            }),
            ..PartBody::default()
        }),
        ImageSource::Url(url) => {
            let known = (!media_type.is_empty()).then_some(media_type);
            let Some(mime_type) = known.or_else(|| guessed(url)) else {
                return Err(Error::invalid_input(format!(
                    "the image `{url}` needs its media type, such as image/png: Gemini's API wants it, and the address does not tell"
                )));
            };
            Ok(PartBody {
                file_data: Some(FileData {
                    mime_type,
                    file_uri: url,
                }),
                ..PartBody::default()
            })
        }
    }
}

/// By the end of the address, for the types the API takes.
fn guessed(url: &str) -> Option<&'static str> {
    let (_, address) = url.split_once("://")?;
    let path = address.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once('/')?;
    let (_, extension) = name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        "heic" => Some("image/heic"),
        "heif" => Some("image/heif"),
        _ => None,
    }
}
