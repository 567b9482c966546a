//! `contents` and `systemInstruction`: the messages of a conversation as the API wants them. It knows two speakers,
//! who take turns, so messages of one speaker in a row become one.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inkstone_plugin::provider::{
    Error, Image, ImageSource, Message, Part, Result, Role, ToolCall, ToolResult,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::lacking;
use crate::call_id;
use crate::settings::Settings;

const USER: &str = "user";
const MODEL: &str = "model";

/// `systemInstruction`.
#[derive(Debug, Serialize)]
pub struct SystemBody {
    parts: Vec<PartBody>,
}

/// What one speaker said in one turn.
#[derive(Debug, Serialize)]
pub struct ContentBody {
    role: &'static str,
    parts: Vec<PartBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartBody {
    #[serde(flatten)]
    data: DataBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum DataBody {
    Text(String),
    InlineData {
        mime_type: String,
        data: String,
    },
    FileData {
        mime_type: String,
        file_uri: String,
    },
    FunctionCall {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        name: String,
        args: Map<String, Value>,
    },
    FunctionResponse {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        name: String,
        response: Map<String, Value>,
    },
}

impl From<DataBody> for PartBody {
    fn from(data: DataBody) -> Self {
        Self {
            data,
            thought_signature: None,
        }
    }
}

/// The messages, sorted.
pub struct Conversation {
    pub system: Option<SystemBody>,
    pub contents: Vec<ContentBody>,
}

impl Conversation {
    /// Sorts the messages; an error names what does not fit.
    pub fn new(messages: &[Message], settings: &Settings) -> Result<Self> {
        let mut builder = Builder::default();
        for message in messages {
            if message.name.is_some() && !settings.drop_unsupported {
                return Err(lacking(
                    "`name` of a message: Gemini's API has no such field",
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
    system: Vec<PartBody>,
    contents: Vec<ContentBody>,
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
                    "a message of role `system` holds texts and nothing else",
                ));
            }
            (Role::User, Part::Text(text)) => self.push(USER, text_body(text)),
            (Role::Assistant, Part::Text(text)) => self.push(MODEL, text_body(text)),
            (Role::User, Part::Image(image)) => self.push(USER, image_body(image)?.into()),
            (Role::Assistant, Part::Image(_)) => {
                return Err(Error::unsupported(
                    "an image in a message of role `assistant`: images are taken from users only",
                ));
            }
            (Role::Assistant, Part::ToolCall(call)) => {
                self.called.insert(&call.id, &call.name);
                self.push(MODEL, function_call(call)?);
            }
            (Role::User, Part::ToolCall(_)) => {
                return Err(Error::invalid_input(
                    "a tool call in a message of role `user`: only assistants call tools",
                ));
            }
        }
        Ok(())
    }

    fn push(&mut self, role: &'static str, part: PartBody) {
        match self.contents.last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => self.contents.push(ContentBody {
                role,
                parts: vec![part],
            }),
        }
    }

    /// The API ties a result to its call by the function's name.
    fn function_response(&self, result: &ToolResult) -> Result<PartBody> {
        let id = result.tool_call_id.as_str();
        let Some(name) = self.called.get(id) else {
            return Err(Error::invalid_input(format!(
                "a tool result answers the call `{id}`, but no earlier message holds that call"
            )));
        };
        let object = serde_json::from_str::<Map<String, Value>>(&result.content);
        let response = object.unwrap_or_else(|_| {
            let text = Value::String(result.content.clone());
            Map::from_iter([("result".to_owned(), text)])
        });
        let data = DataBody::FunctionResponse {
            id: call_id::take_back(id).of_api,
            name: (*name).to_owned(),
            response,
        };
        Ok(data.into())
    }
}

fn text_body(text: &str) -> PartBody {
    DataBody::Text(text.to_owned()).into()
}

fn function_call(call: &ToolCall) -> Result<PartBody> {
    let args = match call.arguments.trim() {
        // Models write nothing where a function takes nothing.
        "" => Map::new(),
        arguments => serde_json::from_str(arguments).map_err(|error| {
            Error::invalid_input(format!(
                "arguments of the tool call `{}` of `{}`: no JSON object ({error})",
                call.id, call.name
            ))
        })?,
    };
    let id = call_id::take_back(&call.id);
    Ok(PartBody {
        data: DataBody::FunctionCall {
            id: id.of_api,
            name: call.name.clone(),
            args,
        },
        thought_signature: id.signature,
    })
}

fn image_body(image: &Image) -> Result<DataBody> {
    let media_type = image.media_type.as_str();
    match &image.source {
        ImageSource::Bytes(_) if media_type.is_empty() => Err(Error::invalid_input(
            "an image given as bytes needs its media type, such as image/png",
        )),
        ImageSource::Bytes(bytes) => Ok(DataBody::InlineData {
            mime_type: media_type.to_owned(),
            data: BASE64.encode(bytes),
        }),
        ImageSource::Url(url) => {
            let known = (!media_type.is_empty()).then_some(media_type);
            let Some(mime_type) = known.or_else(|| guessed(url)) else {
                return Err(Error::invalid_input(format!(
                    "the image `{url}` needs its media type, such as image/png: Gemini's API wants it, and the address does not tell"
                )));
            };
            Ok(DataBody::FileData {
                mime_type: mime_type.to_owned(),
                file_uri: url.clone(),
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
