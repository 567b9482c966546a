//! The messages of a conversation as Anthropic's clients send them. Results of tools stand in the user's
//! messages on the wire; in the domain each is a message of the role `tool`.

use inkstone_domain::chat::{Message, Part, Role};
use serde::Deserialize;
use utoipa::ToSchema;

use super::block::{AnthropicBlockBody, ToolOutput};
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::text_or_list::TextOrList;

/// A message.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AnthropicMessageBody {
    pub role: AnthropicRoleBody,
    /// A text, or blocks.
    #[schema(schema_with = schema::text_or_list_of::<AnthropicBlockBody>)]
    pub content: TextOrList<AnthropicBlockBody>,
}

/// Who speaks. `system` in between has the rights of the `system` before everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnthropicRoleBody {
    User,
    Assistant,
    System,
}

/// Converts; what is wrong is noted with pointers below `/messages`.
pub(super) fn messages_of(
    messages: Vec<AnthropicMessageBody>,
    wrong: &mut Refusals,
) -> Vec<Message> {
    let mut converted = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        let blocks = match message.content {
            TextOrList::Text(text) => {
                let parts = vec![Part::Text(text)];
                converted.push(said(role_of(message.role), parts));
                continue;
            }
            TextOrList::List(blocks) => blocks,
        };
        let pointer = format!("/messages/{index}/content");
        if blocks.is_empty() {
            wrong.refuse(&pointer, "at least one block is needed");
        }
        match message.role {
            AnthropicRoleBody::User => user(blocks, &pointer, &mut converted, wrong),
            AnthropicRoleBody::Assistant => converted.push(assistant(blocks, &pointer, wrong)),
            AnthropicRoleBody::System => converted.push(system(blocks, &pointer, wrong)),
        }
    }
    converted
}

fn role_of(role: AnthropicRoleBody) -> Role {
    match role {
        AnthropicRoleBody::User => Role::User,
        AnthropicRoleBody::Assistant => Role::Assistant,
        AnthropicRoleBody::System => Role::System,
    }
}

fn said(role: Role, parts: Vec<Part>) -> Message {
    Message {
        role,
        name: None,
        parts,
    }
}

/// Results of tools come first, then what the user says; images in results are said by the user.
fn user(
    blocks: Vec<AnthropicBlockBody>,
    pointer: &str,
    into: &mut Vec<Message>,
    wrong: &mut Refusals,
) {
    let mut parts = Vec::new();
    for (index, block) in blocks.into_iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        match block.kind.as_str() {
            "text" => parts.extend(block.into_text(&pointer, wrong).map(Part::Text)),
            "image" => parts.extend(block.into_image(&pointer, wrong).map(Part::Image)),
            "tool_result" => {
                let Some(output) = block.into_output(&pointer, wrong) else {
                    continue;
                };
                let ToolOutput {
                    tool_call_id,
                    content,
                    images,
                } = output;
                let result = Part::ToolResult {
                    tool_call_id,
                    content,
                };
                into.push(said(Role::Tool, vec![result]));
                parts.extend(images.into_iter().map(Part::Image));
            }
            other => wrong.refuse(
                format!("{pointer}/type"),
                format!(
                    "`{other}` is not read here; a user sends `text`, `image` or `tool_result`"
                ),
            ),
        }
    }
    if !parts.is_empty() {
        into.push(said(Role::User, parts));
    }
}

fn assistant(blocks: Vec<AnthropicBlockBody>, pointer: &str, wrong: &mut Refusals) -> Message {
    let mut parts = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.into_iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        match block.kind.as_str() {
            "text" => parts.extend(block.into_text(&pointer, wrong).map(Part::Text)),
            "thinking" | "redacted_thinking" => {
                parts.extend(block.into_thought().map(Part::Thought));
            }
            "tool_use" => parts.extend(block.into_call(&pointer, wrong).map(Part::ToolCall)),
            other => wrong.refuse(
                format!("{pointer}/type"),
                format!(
                    "`{other}` is not read here; an assistant sends `text`, `tool_use`, `thinking` or `redacted_thinking`"
                ),
            ),
        }
    }
    said(Role::Assistant, parts)
}

fn system(blocks: Vec<AnthropicBlockBody>, pointer: &str, wrong: &mut Refusals) -> Message {
    let texts = blocks.into_iter().enumerate();
    let texts =
        texts.filter_map(|(index, block)| block.into_text(&format!("{pointer}/{index}"), wrong));
    said(Role::System, texts.map(Part::Text).collect())
}
