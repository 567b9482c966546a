//! One message of a conversation as OpenAI's clients send it, and its conversion: roles, text,
//! images by `data:` or `https:` URL, tool calls and their results.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use inkstone_domain::FieldError;
use inkstone_domain::chat::{Image, ImageSource, Message, Part, Role, ToolCall};
use serde::Deserialize;
use utoipa::ToSchema;

use super::schema;
use super::text_or_list::TextOrList;

/// A message. Fields that only make sense in answers (`refusal`, `annotations`, …) may be sent back and are not read.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct MessageBody {
    pub role: RoleBody,
    /// A text, or parts of text and images.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_parts)]
    pub content: Option<TextOrList<PartBody>>,
    #[serde(default)]
    pub name: Option<String>,
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

impl MessageBody {
    /// Converts; what is wrong is pushed to `wrong` with pointers below `pointer`.
    pub(crate) fn into_domain(self, pointer: &str, wrong: &mut Vec<FieldError>) -> Message {
        let role = match self.role {
            RoleBody::System | RoleBody::Developer => Role::System,
            RoleBody::User => Role::User,
            RoleBody::Assistant => Role::Assistant,
            RoleBody::Tool => Role::Tool,
        };
        let tool_calls = self.tool_calls.unwrap_or_default();
        if role != Role::Assistant && !tool_calls.is_empty() {
            refuse(
                wrong,
                format!("{pointer}/tool_calls"),
                "only a message of the role `assistant` can carry tool calls",
            );
        }
        if self.content.is_none() && tool_calls.is_empty() {
            refuse(
                wrong,
                format!("{pointer}/content"),
                "must be a string or a list of parts",
            );
        }
        let mut parts = parts_of(self.content, role, pointer, wrong);
        if role == Role::Tool {
            parts = vec![tool_result(parts, self.tool_call_id, pointer, wrong)];
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

fn parts_of(
    content: Option<TextOrList<PartBody>>,
    role: Role,
    pointer: &str,
    wrong: &mut Vec<FieldError>,
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

fn part_of(part: PartBody, role: Role, pointer: &str, wrong: &mut Vec<FieldError>) -> Option<Part> {
    match (part.kind.as_str(), part.text, part.image_url, part.refusal) {
        ("text", Some(text), _, _) => Some(Part::Text(text)),
        ("refusal", _, _, Some(text)) if role == Role::Assistant => Some(Part::Text(text)),
        ("text", None, _, _) => refuse(
            wrong,
            format!("{pointer}/text"),
            "a part of the type `text` needs a text",
        ),
        ("image_url", _, Some(image), _) if role == Role::User => match image_of(&image.url) {
            Ok(image) => Some(Part::Image(image)),
            Err(detail) => refuse(wrong, format!("{pointer}/image_url/url"), detail),
        },
        ("image_url", _, Some(_), _) => refuse(
            wrong,
            format!("{pointer}/type"),
            "only a message of the role `user` can carry images",
        ),
        ("image_url", _, None, _) => refuse(
            wrong,
            format!("{pointer}/image_url"),
            "a part of the type `image_url` needs `{\"url\": …}`",
        ),
        (other, ..) => refuse(
            wrong,
            format!("{pointer}/type"),
            format!("`{other}` is not read here; use `text` or `image_url`"),
        ),
    }
}

/// `https:` stays a URL, `data:` becomes bytes.
fn image_of(url: &str) -> Result<Image, String> {
    if url.starts_with("https://") {
        return Ok(Image {
            media_type: String::new(),
            source: ImageSource::Url(url.to_owned()),
        });
    }
    let wanted = "must be `https://…` or `data:image/<type>;base64,<data>`";
    let rest = url.strip_prefix("data:").ok_or_else(|| wanted.to_owned())?;
    let (head, data) = rest.split_once(',').ok_or_else(|| wanted.to_owned())?;
    let media_type = head
        .strip_suffix(";base64")
        .and_then(|head| head.split(';').next())
        .filter(|media_type| media_type.starts_with("image/"))
        .ok_or_else(|| wanted.to_owned())?;
    let bytes = STANDARD
        .decode(data)
        .map_err(|error| format!("the data is not base64: {error}"))?;
    Ok(Image {
        media_type: media_type.to_owned(),
        source: ImageSource::Bytes(bytes),
    })
}

fn tool_result(
    parts: Vec<Part>,
    tool_call_id: Option<String>,
    pointer: &str,
    wrong: &mut Vec<FieldError>,
) -> Part {
    if tool_call_id.is_none() {
        refuse(
            wrong,
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

/// Notes a wrong field; answers `None` so that it can end a match arm.
pub(super) fn refuse(
    wrong: &mut Vec<FieldError>,
    pointer: String,
    detail: impl Into<String>,
) -> Option<Part> {
    wrong.push(FieldError {
        pointer,
        detail: detail.into(),
    });
    None
}
