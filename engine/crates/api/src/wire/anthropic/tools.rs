//! The tools a model may call, and whether it must. Anthropic's own tools run there and are refused.

use inkstone_domain::chat::{ToolChoice, ToolDefinition};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::wire::refusals::Refusals;
use crate::wire::tool_choice::{check_tool_choice, no_parameters};

/// A tool the model may call.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AnthropicToolBody {
    /// `custom`, which it is where it is left out.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of the input.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub input_schema: Option<Value>,
}

/// Whether to call a tool.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AnthropicToolChoiceBody {
    /// `auto`, `any`, `tool` or `none`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which one, with `tool`.
    #[serde(default)]
    pub name: Option<String>,
    /// Call at most one tool; passed to the provider as `"parallel_tool_calls": false`.
    #[serde(default)]
    pub disable_parallel_tool_use: Option<bool>,
}

pub(super) fn tools_of(tools: Vec<AnthropicToolBody>, wrong: &mut Refusals) -> Vec<ToolDefinition> {
    for (index, tool) in tools.iter().enumerate() {
        if let Some(kind) = tool.kind.as_deref().filter(|kind| *kind != "custom") {
            wrong.refuse(
                format!("/tools/{index}/type"),
                format!("`{kind}` is not possible here; only `custom` is"),
            );
        }
    }
    tools
        .into_iter()
        .map(|tool| ToolDefinition {
            name: tool.name,
            description: tool.description.unwrap_or_default(),
            parameters: tool.input_schema.unwrap_or_else(no_parameters),
        })
        .collect()
}

/// Whether to call a tool, and whether only one at a time.
pub(super) fn choice_of(
    choice: Option<AnthropicToolChoiceBody>,
    tools: &[ToolDefinition],
    wrong: &mut Refusals,
) -> (ToolChoice, bool) {
    let Some(body) = choice else {
        return (ToolChoice::Auto, false);
    };
    let choice = match (body.kind.as_str(), body.name) {
        ("auto", _) => ToolChoice::Auto,
        ("any", _) => ToolChoice::Require,
        ("none", _) => ToolChoice::Forbid,
        ("tool", Some(name)) => ToolChoice::Named(name),
        ("tool", None) => {
            wrong.refuse("/tool_choice/name", "must be the name of a tool");
            ToolChoice::Auto
        }
        (other, _) => {
            wrong.refuse(
                "/tool_choice/type",
                format!("`{other}` is not one of `auto`, `any`, `tool`, `none`"),
            );
            ToolChoice::Auto
        }
    };
    check_tool_choice(&choice, tools, "any", "/tool_choice/name", wrong);
    (choice, body.disable_parallel_tool_use == Some(true))
}
