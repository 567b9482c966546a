//! Which tool a model is to call: the part that all dialects share.

use inkstone_domain::chat::{ToolChoice, ToolDefinition};
use serde_json::{Value, json};

use super::refusals::Refusals;

/// Refuses a choice that no tool answers to. `required` is the dialect's word for any tool, `name` where
/// the name of one stands.
pub(crate) fn check_tool_choice(
    choice: &ToolChoice,
    tools: &[ToolDefinition],
    required: &str,
    name: &str,
    wrong: &mut Refusals,
) {
    match choice {
        ToolChoice::Require if tools.is_empty() => {
            wrong.refuse("/tool_choice", format!("`{required}` needs `tools`"));
        }
        ToolChoice::Named(wanted) if tools.iter().all(|tool| &tool.name != wanted) => {
            wrong.refuse(name, format!("`{wanted}` is not one of `tools`"));
        }
        _ => {}
    }
}

/// The schema of a tool that takes no arguments.
pub(crate) fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}})
}
