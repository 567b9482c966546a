//! One message of a conversation as OpenAI's clients send it, and its conversion: roles, text,
//! images by `data:` or `https:` URL, thoughts, tool calls and their results.

use inkstone_domain::chat::{Message, Part, Role, Thought, ToolCall};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::wire::image::image_of_url;
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::text_or_list::TextOrList;

/// A message. Fields that only make sense in answers (`refusal`, `annotations`, …) may be sent back and are not read.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct MessageBody {
    pub role: RoleBody,
    /// A text, or parts of text and images.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_list_of::<PartBody>)]
    pub content: Option<TextOrList<PartBody>>,
    #[serde(default)]
    pub name: Option<String>,
    /// What the assistant thought before: sent back to the model as it was given.
    #[serde(default)]
    pub reasoning_content: Option<String>,
    /// The provider's proof of that thought. Not OpenAI's.
    #[serde(default)]
    pub reasoning_signature: Option<String>,
    /// What an assistant's message called.
    #[serde(default)]
    pub tool_calls: Option<Vec<ToolCallBody>>,
    /// Which call a `tool` message answers.
    #[serde(default)]
    pub tool_call_id: Option<String>,
}

/// Who speaks. `developer` is the newer word for `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleBody {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// A part of a message: `{"type":"text","text":…}` or `{"type":"image_url","image_url":{"url":…}}`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
pub(crate) struct PartBody {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub image_url: Option<ImageUrlBody>,
    #[serde(default)]
    pub refusal: Option<String>,
}

/// An image by URL.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
pub(crate) struct ImageUrlBody {
    /// `data:image/…;base64,…` or `https://…`.
    pub url: String,
}

/// A call of a tool by the model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct ToolCallBody {
    pub id: String,
    pub function: FunctionCallBody,
}

/// The function of a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct FunctionCallBody {
    pub name: String,
    /// JSON as text, as the model wrote it.
    #[serde(default)]
    pub arguments: String,
}

impl RoleBody {
    pub(crate) fn into_domain(self) -> Role {
        match self {
            Self::System | Self::Developer => Role::System,
            Self::User => Role::User,
            Self::Assistant => Role::Assistant,
            Self::Tool => Role::Tool,
        }
    }
}

impl MessageBody {
    /// Converts; what is wrong is noted with pointers below `pointer`.
    pub(crate) fn into_domain(self, pointer: &str, wrong: &mut Refusals) -> Message {
        let role = self.role.into_domain();
        let thought = thought_of(self.reasoning_content, self.reasoning_signature);
        let tool_calls = self.tool_calls.unwrap_or_default();
        if role != Role::Assistant && !tool_calls.is_empty() {
            wrong.refuse(
                format!("{pointer}/tool_calls"),
                "only a message of the role `assistant` can carry tool calls",
            );
        }
        if role != Role::Assistant && thought.is_some() {
            wrong.refuse(
                format!("{pointer}/reasoning_content"),
                "only a message of the role `assistant` can carry thoughts",
            );
        }
        if self.content.is_none() && tool_calls.is_empty() && thought.is_none() {
            wrong.refuse(
                format!("{pointer}/content"),
                "must be a string or a list of parts",
            );
        }
        let mut parts = parts_of(self.content, role, pointer, wrong);
        if role == Role::Tool {
            parts = vec![tool_result(parts, self.tool_call_id, pointer, wrong)];
        }
        if let Some(thought) = thought {
            parts.insert(0, Part::Thought(thought));
        }
        parts.extend(tool_calls.into_iter().map(|call| {
            Part::ToolCall(ToolCall {
                id: call.id,
                name: call.function.name,
                arguments: call.function.arguments,
            })
        }));
        Message {
            role,
            name: self.name,
            parts,
        }
    }
}

fn thought_of(text: Option<String>, signature: Option<String>) -> Option<Thought> {
    let signature = signature.filter(|signature| !signature.is_empty());
    let text = text.unwrap_or_default();
    (!text.is_empty() || signature.is_some()).then_some(Thought { text, signature })
}

fn parts_of(
    content: Option<TextOrList<PartBody>>,
    role: Role,
    pointer: &str,
    wrong: &mut Refusals,
) -> Vec<Part> {
    match content {
        None => Vec::new(),
        // An assistant that only called tools is often sent back with an empty text.
        Some(TextOrList::Text(text)) if text.is_empty() && role == Role::Assistant => Vec::new(),
        Some(TextOrList::Text(text)) => vec![Part::Text(text)],
        Some(TextOrList::List(parts)) => parts
            .into_iter()
            .enumerate()
            .filter_map(|(index, part)| {
                part_of(part, role, &format!("{pointer}/content/{index}"), wrong)
            })
            .collect(),
    }
}

fn part_of(part: PartBody, role: Role, pointer: &str, wrong: &mut Refusals) -> Option<Part> {
    match (part.kind.as_str(), part.text, part.image_url, part.refusal) {
        ("text", Some(text), _, _) => Some(Part::Text(text)),
        ("refusal", _, _, Some(text)) if role == Role::Assistant => Some(Part::Text(text)),
        ("text", None, _, _) => wrong.none(
            format!("{pointer}/text"),
            "a part of the type `text` needs a text",
        ),
        ("image_url", _, Some(image), _) if role == Role::User => match image_of_url(&image.url) {
            Ok(image) => Some(Part::Image(image)),
            Err(detail) => wrong.none(format!("{pointer}/image_url/url"), detail),
        },
        ("image_url", _, Some(_), _) => wrong.none(
            format!("{pointer}/type"),
            "only a message of the role `user` can carry images",
        ),
        ("image_url", _, None, _) => wrong.none(
            format!("{pointer}/image_url"),
            "a part of the type `image_url` needs `{\"url\": …}`",
        ),
        (other, ..) => wrong.none(
            format!("{pointer}/type"),
            format!("`{other}` is not read here; use `text` or `image_url`"),
        ),
    }
}

fn tool_result(
    parts: Vec<Part>,
    tool_call_id: Option<String>,
    pointer: &str,
    wrong: &mut Refusals,
) -> Part {
    if tool_call_id.is_none() {
        wrong.refuse(
            format!("{pointer}/tool_call_id"),
            "a message of the role `tool` must name the call it answers",
        );
    }
    let mut content = String::new();
    for part in parts {
        if let Part::Text(text) = part {
            content.push_str(&text);
        }
    }
    Part::ToolResult {
        tool_call_id: tool_call_id.unwrap_or_default(),
        content,
    }
}
