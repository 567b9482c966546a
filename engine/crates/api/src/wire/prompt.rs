//! Prompts, their versions, and what becomes of them.

use chrono::{DateTime, Utc};
use inkstone_domain::chat::{Message, Part, Reply, Role};
use inkstone_domain::prompt::{
    Prompt, PromptMessage, PromptRef, PromptText, PromptVersion, Variable, VariableKind,
};
use inkstone_services::prompts::{PromptUse, Rendered};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::openai::completion::UsageReply;

/// A prompt to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPromptBody {
    /// 1 to 100 small letters, digits and `-`. It never changes.
    #[schema(example = "house-style")]
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub messages: Vec<PromptMessageBody>,
    #[serde(default)]
    #[schema(example = json!([{ "name": "audience", "kind": "string" }]))]
    pub variables: Vec<VariableBody>,
}

/// What a prompt is from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptVersionBody {
    #[serde(default)]
    pub description: String,
    pub messages: Vec<PromptMessageBody>,
    #[serde(default)]
    #[schema(example = json!([{ "name": "audience", "kind": "string" }]))]
    pub variables: Vec<VariableBody>,
}

/// A message with places to fill in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptMessageBody {
    pub role: SpeakerWord,
    /// `{{ name }}`, filters, `{% if %}` and `{% for %}` of Jinja. What could grow without bound, such as
    /// `{% set %}`, macros, calls and the operators `~`, `+` and `*`, is refused.
    #[schema(example = "Write for {{ audience }}.")]
    pub text: String,
}

/// A place to fill in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableBody {
    /// Small letters, digits and `_`.
    #[schema(example = "audience")]
    pub name: String,
    pub kind: VariableWord,
    #[serde(default)]
    pub description: String,
    /// Of its kind; without one the variable must be given.
    #[serde(default)]
    pub default: Option<Value>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SpeakerWord {
    System,
    User,
    Assistant,
}

/// `list` is of strings.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VariableWord {
    String,
    Integer,
    Number,
    Boolean,
    List,
}

/// How a prompt is filled in.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FillBody {
    /// The newest where it is left out.
    #[serde(default)]
    pub version: Option<u32>,
    /// By name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: Map<String, Value>,
}

/// How a prompt is filled in, and who is asked.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryBody {
    /// The newest where it is left out.
    #[serde(default)]
    pub version: Option<u32>,
    /// By name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: Map<String, Value>,
    /// `provider/model` or an alias; the project's where it is left out.
    #[serde(default)]
    pub model: Option<String>,
}

/// A prompt by its newest version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromptReply {
    #[schema(example = "prm_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: String,
    pub name: String,
    /// The newest.
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A version of a prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromptVersionReply {
    pub version: u32,
    pub description: String,
    pub messages: Vec<PromptMessageBody>,
    pub variables: Vec<VariableBody>,
    /// `usr_…`
    pub author: String,
    pub created_at: DateTime<Utc>,
}

/// A prompt with one of its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WholePromptReply {
    #[serde(flatten)]
    pub prompt: PromptReply,
    pub text: PromptVersionReply,
}

/// Which version of which prompt made something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromptRefReply {
    /// `prm_…`
    pub id: String,
    pub name: String,
    pub version: u32,
}

/// A prompt that was filled in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RenderedReply {
    pub prompt: PromptRefReply,
    pub messages: Vec<PromptMessageBody>,
}

/// What a model said to a prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriedReply {
    pub prompt: PromptRefReply,
    pub messages: Vec<PromptMessageBody>,
    /// `provider/model` that answered.
    pub model: String,
    pub answer: String,
    pub usage: UsageReply,
}

impl NewPromptBody {
    pub(crate) fn into_domain(self) -> (String, PromptText) {
        let text = PromptVersionBody {
            description: self.description,
            messages: self.messages,
            variables: self.variables,
        };
        (self.name, text.into())
    }
}

impl From<PromptVersionBody> for PromptText {
    fn from(body: PromptVersionBody) -> Self {
        let messages = body.messages.into_iter().map(|message| PromptMessage {
            role: message.role.into(),
            text: message.text,
        });
        let variables = body.variables.into_iter().map(|variable| Variable {
            name: variable.name,
            kind: variable.kind.into(),
            description: variable.description,
            default: variable.default,
        });
        Self {
            description: body.description,
            messages: messages.collect(),
            variables: variables.collect(),
        }
    }
}

impl FillBody {
    pub(crate) fn into_domain(self, name: String) -> PromptUse {
        PromptUse {
            name,
            version: self.version,
            variables: self.variables,
        }
    }
}

impl TryBody {
    pub(crate) fn into_domain(self, name: String) -> (PromptUse, Option<String>) {
        let wanted = PromptUse {
            name,
            version: self.version,
            variables: self.variables,
        };
        (wanted, self.model)
    }
}

impl From<Prompt> for PromptReply {
    fn from(prompt: Prompt) -> Self {
        Self {
            id: prompt.id.to_string(),
            name: prompt.name,
            version: prompt.version,
            created_at: prompt.created_at,
            updated_at: prompt.updated_at,
        }
    }
}

impl From<PromptVersion> for PromptVersionReply {
    fn from(version: PromptVersion) -> Self {
        let PromptText {
            description,
            messages,
            variables,
        } = version.text;
        let messages = messages.into_iter().map(|message| PromptMessageBody {
            role: message.role.into(),
            text: message.text,
        });
        let variables = variables.into_iter().map(|variable| VariableBody {
            name: variable.name,
            kind: variable.kind.into(),
            description: variable.description,
            default: variable.default,
        });
        Self {
            version: version.version,
            description,
            messages: messages.collect(),
            variables: variables.collect(),
            author: version.author.to_string(),
            created_at: version.created_at,
        }
    }
}

impl From<(Prompt, PromptVersion)> for WholePromptReply {
    fn from((prompt, version): (Prompt, PromptVersion)) -> Self {
        Self {
            prompt: prompt.into(),
            text: version.into(),
        }
    }
}

impl From<PromptRef> for PromptRefReply {
    fn from(prompt: PromptRef) -> Self {
        Self {
            id: prompt.id.to_string(),
            name: prompt.name,
            version: prompt.version,
        }
    }
}

impl From<Rendered> for RenderedReply {
    fn from(rendered: Rendered) -> Self {
        Self {
            prompt: rendered.prompt.into(),
            messages: rendered.messages.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<(Rendered, Reply)> for TriedReply {
    fn from((rendered, reply): (Rendered, Reply)) -> Self {
        let RenderedReply { prompt, messages } = rendered.into();
        Self {
            prompt,
            messages,
            model: reply.model,
            answer: reply.text,
            usage: UsageReply::from(reply.usage),
        }
    }
}

impl From<Message> for PromptMessageBody {
    fn from(message: Message) -> Self {
        let texts = message.parts.into_iter().map(|part| match part {
            Part::Text(text) => text,
            _ => String::new(),
        });
        Self {
            role: message.role.into(),
            text: texts.collect(),
        }
    }
}

impl From<SpeakerWord> for Role {
    fn from(word: SpeakerWord) -> Self {
        match word {
            SpeakerWord::System => Self::System,
            SpeakerWord::User => Self::User,
            SpeakerWord::Assistant => Self::Assistant,
        }
    }
}

impl From<Role> for SpeakerWord {
    fn from(role: Role) -> Self {
        match role {
            Role::System => Self::System,
            Role::Assistant => Self::Assistant,
            // No prompt has messages of tools.
            Role::User | Role::Tool => Self::User,
        }
    }
}

impl From<VariableWord> for VariableKind {
    fn from(word: VariableWord) -> Self {
        match word {
            VariableWord::String => Self::String,
            VariableWord::Integer => Self::Integer,
            VariableWord::Number => Self::Number,
            VariableWord::Boolean => Self::Boolean,
            VariableWord::List => Self::List,
        }
    }
}

impl From<VariableKind> for VariableWord {
    fn from(kind: VariableKind) -> Self {
        match kind {
            VariableKind::String => Self::String,
            VariableKind::Integer => Self::Integer,
            VariableKind::Number => Self::Number,
            VariableKind::Boolean => Self::Boolean,
            VariableKind::List => Self::List,
        }
    }
}
