//! `messages` of the body: the contract's conversation as the API wants it. Texts are borrowed from the request, since
//! a conversation can be long.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inkstone_plugin::provider::{
    Error, Image, ImageSource, Message, Part, Result, Role, ToolCall, ToolResult,
};
use serde::Serialize;

use crate::openai::Thoughts;

/// What one speaker said.
#[derive(Debug, Default, Serialize)]
pub struct MessageBody<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// `null` where an assistant only called tools.
    content: Option<ContentBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ContentBody<'a> {
    Text(&'a str),
    Parts(Vec<PartBody<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PartBody<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrlBody<'a> },
}

#[derive(Debug, Serialize)]
struct ImageUrlBody<'a> {
    url: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct ToolCallBody<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionCallBody<'a>,
}

#[derive(Debug, Serialize)]
struct FunctionCallBody<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// The messages; `invalid-input` or `unsupported` names what does not fit.
pub fn messages(messages: &[Message], thoughts: Thoughts) -> Result<Vec<MessageBody<'_>>> {
    let mut bodies = Vec::with_capacity(messages.len());
    for message in messages {
        push(&mut bodies, message, thoughts)?;
    }
    if bodies.is_empty() {
        return Err(Error::invalid_input("`messages` is empty"));
    }
    Ok(bodies)
}

/// A message of the contract may hold several tool results; the API wants a message for each.
fn push<'a>(
    bodies: &mut Vec<MessageBody<'a>>,
    message: &'a Message,
    thoughts: Thoughts,
) -> Result<()> {
    let role = word(message.role);
    let mut parts = Vec::new();
    let mut tool_calls = Vec::new();
    let mut thought: Option<Cow<'a, str>> = None;
    for part in &message.parts {
        match part {
            Part::ToolResult(result) => bodies.push(tool_result(result)),
            _ if message.role == Role::Tool => {
                return Err(Error::invalid_input(
                    "a message of role `tool` holds tool results and nothing else",
                ));
            }
            Part::Text(text) => parts.push(PartBody::Text { text }),
            Part::Image(image) if message.role == Role::User => {
                let url = image_url(image)?;
                parts.push(PartBody::ImageUrl {
                    image_url: ImageUrlBody { url },
                });
            }
            Part::Image(_) => {
                return Err(Error::unsupported(format!(
                    "`messages`: an image in a message of role `{role}`; the API takes images from users only"
                )));
            }
            Part::ToolCall(_) | Part::Thought(_) if message.role != Role::Assistant => {
                return Err(Error::invalid_input(format!(
                    "a tool call or a thought in a message of role `{role}`: only assistants call tools and think"
                )));
            }
            Part::ToolCall(call) => tool_calls.push(tool_call(call)),
            Part::Thought(part) => {
                thought = Some(match thought {
                    None => Cow::Borrowed(part.text.as_str()),
                    Some(before) => Cow::Owned(format!("{before}\n{}", part.text)),
                });
            }
        }
    }
    // Tool results have messages of their own by now, and thoughts alone say nothing.
    let is_empty = parts.is_empty() && tool_calls.is_empty();
    if message.role == Role::Tool || is_empty && !message.parts.is_empty() {
        return Ok(());
    }
    let thought = thought.filter(|text| !text.is_empty());
    let (reasoning, reasoning_content) = match thoughts {
        Thoughts::LeftOut => (None, None),
        Thoughts::Reasoning => (thought, None),
        Thoughts::ReasoningContentOfCalls => (None, thought.filter(|_| !tool_calls.is_empty())),
    };
    bodies.push(MessageBody {
        role,
        name: message.name.as_deref(),
        content: content(parts, tool_calls.is_empty()),
        reasoning,
        reasoning_content,
        tool_calls,
        tool_call_id: None,
    });
    Ok(())
}

fn word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn tool_result(result: &ToolResult) -> MessageBody<'_> {
    MessageBody {
        role: "tool",
        content: Some(ContentBody::Text(&result.content)),
        tool_call_id: Some(&result.tool_call_id),
        ..MessageBody::default()
    }
}

fn tool_call(call: &ToolCall) -> ToolCallBody<'_> {
    ToolCallBody {
        id: &call.id,
        kind: "function",
        function: FunctionCallBody {
            name: &call.name,
            arguments: &call.arguments,
        },
    }
}

/// One text goes as a plain string, which every look-alike understands.
fn content(mut parts: Vec<PartBody<'_>>, needed: bool) -> Option<ContentBody<'_>> {
    match parts.pop() {
        None => needed.then_some(ContentBody::Text("")),
        Some(PartBody::Text { text }) if parts.is_empty() => Some(ContentBody::Text(text)),
        Some(last) => {
            parts.push(last);
            Some(ContentBody::Parts(parts))
        }
    }
}

fn image_url(image: &Image) -> Result<Cow<'_, str>> {
    match &image.source {
        ImageSource::Url(url) => Ok(Cow::Borrowed(url)),
        ImageSource::Bytes(_) if image.media_type.is_empty() => Err(Error::invalid_input(
            "an image given as bytes needs its media type, such as image/png",
        )),
        ImageSource::Bytes(bytes) => Ok(Cow::Owned(format!(
            "data:{};base64,{}",
            image.media_type,
            BASE64.encode(bytes)
        ))),
    }
}
