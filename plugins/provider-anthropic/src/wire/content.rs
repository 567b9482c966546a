//! The messages of a request: the contract's conversation as the API wants it. System messages stand apart, speakers
//! take turns, a tool's result is said by the user.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inkstone_plugin::provider::{
    Error, Image, ImageSource, Message, Part, Result, Role, ToolCall, ToolResult,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// One turn.
#[derive(Debug, Serialize)]
pub struct MessageBody {
    role: &'static str,
    content: ContentBody,
}

/// A single text goes as a plain string, anything else as blocks.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ContentBody {
    Text(String),
    Blocks(Vec<BlockBody>),
}

/// A part of a turn.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BlockBody {
    Text {
        text: String,
    },
    Image {
        source: ImageSourceBody,
    },
    ToolUse {
        id: String,
        name: String,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        content: String,
    },
}

/// Where a picture is.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ImageSourceBody {
    Base64 { media_type: String, data: String },
    Url { url: String },
}

/// A conversation, taken apart.
#[derive(Debug)]
pub struct Conversation {
    pub system: Option<ContentBody>,
    pub messages: Vec<MessageBody>,
}

impl Conversation {
    /// `invalid-input` or `unsupported` names what does not fit.
    pub fn new(messages: &[Message]) -> Result<Self> {
        let mut system = Vec::new();
        let mut turns: Vec<(&'static str, Vec<BlockBody>)> = Vec::new();
        for message in messages {
            let blocks = blocks(message)?;
            let speaker = match message.role {
                Role::System => {
                    system.extend(blocks);
                    continue;
                }
                Role::User | Role::Tool => "user",
                Role::Assistant => "assistant",
            };
            match turns.last_mut() {
                // The API wants speakers to take turns, and every block to hold something.
                _ if blocks.is_empty() => {}
                Some((last, joined)) if *last == speaker => joined.extend(blocks),
                _ => turns.push((speaker, blocks)),
            }
        }
        if turns.is_empty() {
            return Err(Error::invalid_input(
                "`messages` holds nothing that a user or an assistant said",
            ));
        }
        let messages = turns.into_iter().map(|(role, mut blocks)| {
            // Results come first in a turn; the API refuses them behind a text.
            blocks.sort_by_key(|block| !matches!(block, BlockBody::ToolResult { .. }));
            MessageBody {
                role,
                content: content(blocks),
            }
        });
        Ok(Self {
            messages: messages.collect(),
            system: (!system.is_empty()).then(|| content(system)),
        })
    }
}

fn content(mut blocks: Vec<BlockBody>) -> ContentBody {
    match blocks.pop() {
        Some(BlockBody::Text { text }) if blocks.is_empty() => ContentBody::Text(text),
        last => {
            blocks.extend(last);
            ContentBody::Blocks(blocks)
        }
    }
}

fn blocks(message: &Message) -> Result<Vec<BlockBody>> {
    let parts = message.parts.iter().filter(|part| !is_blank(part));
    parts.map(|part| block(message.role, part)).collect()
}

/// The API refuses a text block without a word in it.
fn is_blank(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.trim().is_empty())
}

fn block(role: Role, part: &Part) -> Result<BlockBody> {
    match (role, part) {
        (Role::User | Role::Tool, Part::ToolResult(result)) => Ok(tool_result(result)),
        (Role::Tool, _) => Err(Error::invalid_input(
            "a message of role `tool` holds tool results and nothing else",
        )),
        (_, Part::ToolResult(_)) => Err(Error::invalid_input(format!(
            "a tool result in a message of role `{}`: it stands in one of role `tool`",
            word(role)
        ))),
        (_, Part::Text(text)) => Ok(BlockBody::Text { text: text.clone() }),
        (Role::User, Part::Image(image)) => Ok(BlockBody::Image {
            source: image_source(image)?,
        }),
        (_, Part::Image(_)) => Err(Error::unsupported(format!(
            "an image in a message of role `{}`: the API takes images from users only",
            word(role)
        ))),
        (Role::Assistant, Part::ToolCall(call)) => tool_use(call),
        (_, Part::ToolCall(_)) => Err(Error::invalid_input(format!(
            "a tool call in a message of role `{}`: only assistants call tools",
            word(role)
        ))),
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn tool_result(result: &ToolResult) -> BlockBody {
    BlockBody::ToolResult {
        tool_use_id: result.tool_call_id.clone(),
        content: result.content.clone(),
    }
}

/// The API wants the arguments as an object, where the contract has the model's own text.
fn tool_use(call: &ToolCall) -> Result<BlockBody> {
    let refused = |reason: &str| {
        Error::invalid_input(format!(
            "arguments of the tool call `{}` (`{}`): {reason}",
            call.id, call.name
        ))
    };
    let text = match call.arguments.trim() {
        // How some models call a function without arguments.
        "" => "{}",
        text => text,
    };
    let input: Box<RawValue> =
        serde_json::from_str(text).map_err(|error| refused(&format!("no JSON ({error})")))?;
    if !text.starts_with('{') {
        return Err(refused("no JSON object"));
    }
    Ok(BlockBody::ToolUse {
        id: call.id.clone(),
        name: call.name.clone(),
        input,
    })
}

fn image_source(image: &Image) -> Result<ImageSourceBody> {
    match &image.source {
        ImageSource::Url(url) => Ok(ImageSourceBody::Url { url: url.clone() }),
        ImageSource::Bytes(_) if image.media_type.is_empty() => Err(Error::invalid_input(
            "an image given as bytes needs its media type, such as image/png",
        )),
        ImageSource::Bytes(bytes) => Ok(ImageSourceBody::Base64 {
            media_type: image.media_type.clone(),
            data: BASE64.encode(bytes),
        }),
    }
}
