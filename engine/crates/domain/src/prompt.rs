//! Prompts: messages with places to fill in, kept in versions that never change. Which version made what
//! stands with the thing that was made, as a [`PromptRef`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chat::Role;
use crate::ids::{PromptId, UserId};

/// A prompt by its newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub id: PromptId,
    /// Slug of the project.
    pub project: String,
    /// `[a-z0-9-]+`; unique in the project, and never changes.
    pub name: String,
    /// The newest: 1 at creation, one more with every change.
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a version of a prompt is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PromptText {
    /// What it is for.
    pub description: String,
    pub messages: Vec<PromptMessage>,
    pub variables: Vec<Variable>,
}

/// One message with places to fill in, in the language of Jinja.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptMessage {
    pub role: Role,
    pub text: String,
}

/// A place to fill in. Without a default it must be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// `[a-z_][a-z0-9_]*`
    pub name: String,
    pub kind: VariableKind,
    pub description: String,
    /// Of its kind.
    pub default: Option<Value>,
}

/// What a variable takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    String,
    Integer,
    Number,
    Boolean,
    /// Of strings.
    List,
}

impl VariableKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::List => "list of strings",
        }
    }

    /// Whether a value is of this kind.
    pub fn takes(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value
                .as_array()
                .is_some_and(|items| items.iter().all(Value::is_string)),
        }
    }
}

/// A version as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptVersion {
    pub prompt: PromptId,
    pub version: u32,
    pub text: PromptText,
    pub author: UserId,
    pub created_at: DateTime<Utc>,
}

/// Which version of which prompt made something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PromptRef {
    pub id: PromptId,
    pub name: String,
    pub version: u32,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_take_what_they_say() {
        use VariableKind::{Boolean, Integer, List, Number, String};
        let values = [
            json!("a"),
            json!(7),
            json!(7.5),
            json!(true),
            json!(["a"]),
            json!([7]),
            json!(null),
        ];
        for (kind, taken) in [
            (String, [true, false, false, false, false, false, false]),
            (Integer, [false, true, false, false, false, false, false]),
            (Number, [false, true, true, false, false, false, false]),
            (Boolean, [false, false, false, true, false, false, false]),
            (List, [false, false, false, false, true, false, false]),
        ] {
            let found: Vec<bool> = values.iter().map(|value| kind.takes(value)).collect();
            assert_eq!(found, taken, "{kind:?}");
        }
    }
}
