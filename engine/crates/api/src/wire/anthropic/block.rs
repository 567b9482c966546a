//! The blocks that messages are made of, as clients send them. A block is read whole and judged by its
//! type, so that errors name what is missing.

use inkstone_domain::chat::{Image, ImageSource, Thought, ToolCall};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::REDACTED;
use crate::wire::image::image_of_base64;
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::text_or_list::TextOrList;

/// A block: `text`, `image`, `tool_use`, `tool_result`, `thinking` or `redacted_thinking`. `cache_control` and
/// `citations` may be sent and are not read.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AnthropicBlockBody {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub text: Option<String>,
    /// Of an `image`.
    #[serde(default)]
    pub source: Option<SourceBody>,
    /// Of a `tool_use`.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    /// The arguments of a `tool_use`, a JSON object.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub input: Option<Box<RawValue>>,
    /// Which call a `tool_result` answers.
    #[serde(default)]
    pub tool_use_id: Option<String>,
    /// What a tool gave: a text, or blocks of text and images.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_list_of::<AnthropicBlockBody>)]
    pub content: Option<TextOrList<AnthropicBlockBody>>,
    #[serde(default)]
    pub is_error: Option<bool>,
    /// What was thought.
    #[serde(default)]
    pub thinking: Option<String>,
    /// The provider's proof of a thought.
    #[serde(default)]
    pub signature: Option<String>,
    /// Of a `redacted_thinking`.
    #[serde(default)]
    pub data: Option<String>,
}

/// Where an image is.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SourceBody {
    /// `base64` or `url`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    #[schema(example = "image/png")]
    pub media_type: Option<String>,
    #[serde(default)]
    pub data: Option<String>,
    /// `https://…`
    #[serde(default)]
    pub url: Option<String>,
}

/// What a tool gave.
#[derive(Debug)]
pub(super) struct ToolOutput {
    pub tool_call_id: String,
    pub content: String,
    /// Images have no place in a result of ours.
    pub images: Vec<Image>,
}

impl AnthropicBlockBody {
    /// The text of a block that can be nothing else.
    pub(super) fn into_text(self, pointer: &str, wrong: &mut Refusals) -> Option<String> {
        match self.kind.as_str() {
            "text" => match self.text {
                None => wrong.none(
                    format!("{pointer}/text"),
                    "a block of the type `text` needs a text",
                ),
                text => text,
            },
            other => wrong.none(
                format!("{pointer}/type"),
                format!("`{other}` is not possible here; only `text` is"),
            ),
        }
    }

    pub(super) fn into_image(self, pointer: &str, wrong: &mut Refusals) -> Option<Image> {
        let Some(source) = self.source else {
            return wrong.none(format!("{pointer}/source"), "an image needs a source");
        };
        let pointer = format!("{pointer}/source");
        match (
            source.kind.as_str(),
            source.media_type,
            source.data,
            source.url,
        ) {
            ("base64", Some(media_type), Some(data), _) if media_type.starts_with("image/") => {
                match image_of_base64(&media_type, &data) {
                    Ok(image) => Some(image),
                    Err(detail) => wrong.none(format!("{pointer}/data"), detail),
                }
            }
            ("base64", ..) => wrong.none(
                pointer,
                "must be `{\"type\": \"base64\", \"media_type\": \"image/…\", \"data\": …}`",
            ),
            ("url", _, _, Some(url)) if url.starts_with("https://") => Some(Image {
                media_type: String::new(),
                source: ImageSource::Url(url),
            }),
            ("url", ..) => wrong.none(format!("{pointer}/url"), "must be `https://…`"),
            (other, ..) => wrong.none(
                format!("{pointer}/type"),
                format!("`{other}` is not one of `base64`, `url`"),
            ),
        }
    }

    pub(super) fn into_call(self, pointer: &str, wrong: &mut Refusals) -> Option<ToolCall> {
        let arguments = match self.input {
            Some(input) if input.get().starts_with('{') => Some(input.get().to_owned()),
            _ => wrong.none(format!("{pointer}/input"), "must be an object"),
        };
        let id = needed(self.id, pointer, "id", wrong);
        let name = needed(self.name, pointer, "name", wrong);
        Some(ToolCall {
            id: id?,
            name: name?,
            arguments: arguments?,
        })
    }

    pub(super) fn into_output(self, pointer: &str, wrong: &mut Refusals) -> Option<ToolOutput> {
        let tool_call_id = needed(self.tool_use_id, pointer, "tool_use_id", wrong);
        let mut content = String::new();
        let mut images = Vec::new();
        match self.content {
            None => {}
            Some(TextOrList::Text(text)) => content = text,
            Some(TextOrList::List(blocks)) => {
                for (index, block) in blocks.into_iter().enumerate() {
                    let pointer = format!("{pointer}/content/{index}");
                    match block.kind.as_str() {
                        "image" => images.extend(block.into_image(&pointer, wrong)),
                        _ => content.extend(block.into_text(&pointer, wrong)),
                    }
                }
            }
        }
        if self.is_error == Some(true) {
            // The domain has no flag for it; models read it in the text as well.
            content.insert_str(0, "Error: ");
        }
        Some(ToolOutput {
            tool_call_id: tool_call_id?,
            content,
            images,
        })
    }

    /// One that says nothing and proves nothing is left out.
    pub(super) fn into_thought(self) -> Option<Thought> {
        let signature = match self.data {
            Some(data) if self.kind == "redacted_thinking" => Some(format!("{REDACTED}{data}")),
            _ => self.signature.filter(|signature| !signature.is_empty()),
        };
        let text = self.thinking.unwrap_or_default();
        (!text.is_empty() || signature.is_some()).then_some(Thought { text, signature })
    }
}

fn needed(
    value: Option<String>,
    pointer: &str,
    name: &str,
    wrong: &mut Refusals,
) -> Option<String> {
    if value.is_none() {
        wrong.refuse(format!("{pointer}/{name}"), "is needed");
    }
    value
}
