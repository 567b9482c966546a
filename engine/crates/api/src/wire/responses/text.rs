//! What form the text of a response takes.

use inkstone_domain::chat::ResponseFormat;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::wire::refusals::Refusals;

/// What the text is to be like.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct TextBody {
    #[serde(default)]
    pub format: Option<TextFormatBody>,
    /// Such as `low`; passed to the provider.
    #[serde(default)]
    pub verbosity: Option<String>,
}

/// What form the text takes; responses repeat it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, ToSchema)]
pub(crate) struct TextFormatBody {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    /// With `json_schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// With `json_schema`: what the text must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

impl Default for TextFormatBody {
    fn default() -> Self {
        Self {
            kind: "text".to_owned(),
            name: None,
            description: None,
            schema: None,
            strict: None,
        }
    }
}

pub(super) fn format_of(text: &TextBody, wrong: &mut Refusals) -> ResponseFormat {
    let Some(format) = &text.format else {
        return ResponseFormat::Text;
    };
    match (format.kind.as_str(), &format.name, &format.schema) {
        ("text", _, _) => ResponseFormat::Text,
        ("json_object", _, _) => ResponseFormat::JsonObject,
        ("json_schema", Some(name), Some(schema)) => ResponseFormat::JsonSchema {
            name: name.clone(),
            schema: schema.clone(),
            strict: format.strict.unwrap_or(false),
        },
        ("json_schema", _, _) => {
            wrong.refuse(
                "/text/format",
                "`json_schema` needs `name` and `schema` beside `type`",
            );
            ResponseFormat::Text
        }
        (other, _, _) => {
            wrong.refuse(
                "/text/format/type",
                format!("`{other}` is not one of `text`, `json_object`, `json_schema`"),
            );
            ResponseFormat::Text
        }
    }
}
