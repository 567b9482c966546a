//! What form an answer takes.

use inkstone_domain::chat::ResponseFormat;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::wire::refusals::Refusals;

/// What form the answer takes.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ResponseFormatBody {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub json_schema: Option<JsonSchemaBody>,
}

/// A schema the answer must fit.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct JsonSchemaBody {
    pub name: String,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    #[serde(default)]
    pub strict: Option<bool>,
}

pub(super) fn response_format_of(
    format: Option<ResponseFormatBody>,
    wrong: &mut Refusals,
) -> ResponseFormat {
    let Some(format) = format else {
        return ResponseFormat::Text;
    };
    match (format.kind.as_str(), format.json_schema) {
        ("text", _) => ResponseFormat::Text,
        ("json_object", _) => ResponseFormat::JsonObject,
        (
            "json_schema",
            Some(JsonSchemaBody {
                name,
                schema: Some(schema),
                strict,
            }),
        ) => ResponseFormat::JsonSchema {
            name,
            schema,
            strict: strict.unwrap_or(false),
        },
        ("json_schema", _) => {
            wrong.refuse(
                "/response_format/json_schema",
                "must be `{\"name\": …, \"schema\": {…}}`",
            );
            ResponseFormat::Text
        }
        (other, _) => {
            wrong.refuse(
                "/response_format/type",
                format!("`{other}` is not one of `text`, `json_object`, `json_schema`"),
            );
            ResponseFormat::Text
        }
    }
}
