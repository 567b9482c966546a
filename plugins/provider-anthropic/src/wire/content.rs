//! The messages of a request: the contract's conversation as the API wants it. System messages stand apart, speakers
//! take turns, a tool's result is said by the user, and a thought comes back with its signature or not at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inkstone_plugin::provider::{
    Error, Image, ImageSource, Message, Part, Result, Role, Thought, ToolCall, ToolResult,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// Begins a signature that stands for a whole encrypted thought (`redacted_thinking`); the API's own are base64, which
/// knows no colon.
pub const REDACTED: &str = "redacted:";

/// One turn.
#[derive(Debug, Serialize)]
pub struct MessageBody<'a> {
    role: &'static str,
    content: ContentBody<'a>,
}

/// A single text goes as a plain string, anything else as blocks.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ContentBody<'a> {
    Text(&'a str),
    Blocks(Vec<BlockBody<'a>>),
}

/// A part of a turn.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BlockBody<'a> {
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    Text {
        text: &'a str,
    },
    Image {
        source: ImageSourceBody<'a>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a RawValue,
    },
    ToolResult {
        tool_use_id: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        content: &'a str,
    },
}

/// Where a picture is.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ImageSourceBody<'a> {
    Base64 { media_type: &'a str, data: String },
    Url { url: &'a str },
}

/// A conversation, taken apart.
#[derive(Debug)]
pub struct Conversation<'a> {
    pub system: Option<ContentBody<'a>>,
    pub messages: Vec<MessageBody<'a>>,
}

impl<'a> Conversation<'a> {
    /// `invalid-input` or `unsupported` names what does not fit.
    pub fn new(messages: &'a [Message]) -> Result<Self> {
        let mut system = Vec::new();
        let mut turns: Vec<(&'static str, Vec<BlockBody<'a>>)> = Vec::new();
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

fn content(mut blocks: Vec<BlockBody<'_>>) -> ContentBody<'_> {
    match blocks.pop() {
        Some(BlockBody::Text { text }) if blocks.is_empty() => ContentBody::Text(text),
        last => {
            blocks.extend(last);
            ContentBody::Blocks(blocks)
        }
    }
}

fn blocks(message: &Message) -> Result<Vec<BlockBody<'_>>> {
    let parts = message.parts.iter().filter(|part| !is_left_out(part));
    let blocks = parts.map(|part| block(message.role, part));
    let mut blocks = blocks.collect::<Result<Vec<_>>>()?;
    // Whoever calls a tool thought and spoke before; the API refuses a thought behind a call.
    blocks.sort_by_key(|block| matches!(block, BlockBody::ToolUse { .. }));
    Ok(blocks)
}

/// The API refuses a text block without a word in it, and a thought that it did not sign.
fn is_left_out(part: &Part) -> bool {
    match part {
        Part::Text(text) => text.trim().is_empty(),
        Part::Thought(thought) => thought.signature.as_deref().unwrap_or_default().is_empty(),
        _ => false,
    }
}

fn block(role: Role, part: &Part) -> Result<BlockBody<'_>> {
    match (role, part) {
        (Role::User | Role::Tool, Part::ToolResult(result)) => Ok(tool_result(result)),
        (Role::Tool, _) => Err(Error::invalid_input(
            "a message of role `tool` holds tool results and nothing else",
        )),
        (_, Part::ToolResult(_)) => Err(Error::invalid_input(format!(
            "a tool result in a message of role `{}`: it stands in one of role `tool`",
            word(role)
        ))),
        (_, Part::Text(text)) => Ok(BlockBody::Text { text }),
        (Role::User, Part::Image(image)) => Ok(BlockBody::Image {
            source: image_source(image)?,
        }),
        (_, Part::Image(_)) => Err(Error::unsupported(format!(
            "`messages`: an image in a message of role `{}`; the API takes images from users only",
            word(role)
        ))),
        (Role::Assistant, Part::ToolCall(call)) => tool_use(call),
        (_, Part::ToolCall(_)) => Err(Error::invalid_input(format!(
            "a tool call in a message of role `{}`: only assistants call tools",
            word(role)
        ))),
        (Role::Assistant, Part::Thought(part)) => Ok(thought(part)),
        (_, Part::Thought(_)) => Err(Error::invalid_input(format!(
            "a thought in a message of role `{}`: only assistants think",
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

fn thought(thought: &Thought) -> BlockBody<'_> {
    let signature = thought.signature.as_deref().unwrap_or_default();
    match signature.strip_prefix(REDACTED) {
        Some(data) => BlockBody::RedactedThinking { data },
        None => BlockBody::Thinking {
            thinking: &thought.text,
            signature,
        },
    }
}

fn tool_result(result: &ToolResult) -> BlockBody<'_> {
    BlockBody::ToolResult {
        tool_use_id: &result.tool_call_id,
        content: &result.content,
    }
}

/// The API wants the arguments as an object, where the contract has the model's own text.
fn tool_use(call: &ToolCall) -> Result<BlockBody<'_>> {
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
    let input: &RawValue =
        serde_json::from_str(text).map_err(|error| refused(&format!("no JSON ({error})")))?;
    if !text.starts_with('{') {
        return Err(refused("no JSON object"));
    }
    Ok(BlockBody::ToolUse {
        id: &call.id,
        name: &call.name,
        input,
    })
}

fn image_source(image: &Image) -> Result<ImageSourceBody<'_>> {
    match &image.source {
        ImageSource::Url(url) => Ok(ImageSourceBody::Url { url }),
        ImageSource::Bytes(_) if image.media_type.is_empty() => Err(Error::invalid_input(
            "an image given as bytes needs its media type, such as image/png",
        )),
        ImageSource::Bytes(bytes) => Ok(ImageSourceBody::Base64 {
            media_type: &image.media_type,
            data: BASE64.encode(bytes),
        }),
    }
}
