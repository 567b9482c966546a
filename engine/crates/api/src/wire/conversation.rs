//! Chats of a project, and what is said in them.

use chrono::{DateTime, Utc};
use inkstone_domain::conversation::{Conversation, ConversationMessage, MessageState, Speaker};
use inkstone_domain::ids::{ConversationId, MessageId};
use inkstone_domain::{FieldError, Result};
use inkstone_services::conversations::{ConversationPatch, Say, What};
use inkstone_services::prompts::PromptUse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::openai::completion::UsageReply;
use super::prompt::PromptRefReply;
use super::research::SourceReply;
use crate::error::invalid_fields;

/// What is said. Give `message`, or `regenerate`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SayBody {
    /// `cnv_…`; a new chat where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub chat: Option<ConversationId>,
    #[serde(default)]
    #[schema(example = "Why are there tides?")]
    pub message: Option<String>,
    /// `msg_…` of the user: `message` takes its place, on a branch of its own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub edit: Option<MessageId>,
    /// `msg_…`: it is answered once more, on a branch of its own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub regenerate: Option<MessageId>,
    /// From now on in this chat; the project's where none was ever named.
    #[serde(default)]
    pub model: Option<String>,
    /// From now on in this chat; the project's `chat_prompt` where none was ever named.
    #[serde(default)]
    pub prompt: Option<UsedPromptBody>,
    /// Server-sent events in the shape of OpenAI's chunks, up to `data: [DONE]`.
    #[serde(default)]
    pub stream: bool,
}

/// A prompt of the project that stands before the messages.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsedPromptBody {
    #[schema(example = "house-style")]
    pub name: String,
    /// The newest at this moment where it is left out.
    #[serde(default)]
    pub version: Option<u32>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: Map<String, Value>,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatPatchBody {
    #[serde(default)]
    pub title: Option<String>,
    /// `msg_…`: the last message of the branch to show.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub head: Option<MessageId>,
}

/// A chat, without its messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatReply {
    #[schema(example = "cnv_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: String,
    pub project: String,
    /// `usr_…`
    pub owner: String,
    pub title: String,
    pub model: Option<String>,
    pub prompt: Option<PromptRefReply>,
    /// What the model is told of messages that do not fit into it any more.
    pub summary: Option<String>,
    /// `msg_…`: the last message of the branch that is shown.
    pub head: Option<String>,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A message of a chat.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatMessageReply {
    #[schema(example = "msg_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: String,
    /// What it answers or goes on from.
    pub parent: Option<String>,
    pub role: ChatSpeakerWord,
    pub text: String,
    pub state: MessageStateWord,
    /// `provider/model` that said it.
    pub model: Option<String>,
    /// What stood before the messages when it was said.
    pub prompt: Option<PromptRefReply>,
    pub citations: Vec<SourceReply>,
    pub usage: UsageReply,
    pub created_at: DateTime<Utc>,
}

/// What was asked, and the whole answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SaidReply {
    pub chat: ChatReply,
    pub message: ChatMessageReply,
    pub answer: ChatMessageReply,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChatSpeakerWord {
    User,
    Assistant,
}

/// `stopped` and `failed` have the text up to there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageStateWord {
    Complete,
    Stopped,
    Failed,
}

impl SayBody {
    pub(crate) fn into_domain(self) -> Result<Say> {
        let what = match (self.message, self.edit, self.regenerate) {
            (Some(text), None, None) => What::Text(text),
            (Some(text), Some(of), None) => What::Instead { of, text },
            (None, None, Some(of)) => What::Again { of },
            _ => {
                let field = FieldError {
                    pointer: "/message".to_owned(),
                    detail: "must be given, with or without `edit`; or else `regenerate` alone"
                        .to_owned(),
                };
                return Err(invalid_fields("the message is not valid", vec![field]));
            }
        };
        Ok(Say {
            conversation: self.chat,
            what,
            model: self.model,
            prompt: self.prompt.map(|prompt| PromptUse {
                name: prompt.name,
                version: prompt.version,
                variables: prompt.variables,
            }),
        })
    }
}

impl From<ChatPatchBody> for ConversationPatch {
    fn from(body: ChatPatchBody) -> Self {
        Self {
            title: body.title,
            head: body.head,
        }
    }
}

impl From<Conversation> for ChatReply {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.to_string(),
            project: conversation.project,
            owner: conversation.owner.to_string(),
            title: conversation.title,
            model: conversation.model,
            prompt: conversation.prompt.map(|used| used.prompt.into()),
            summary: conversation.summary.map(|summary| summary.text),
            head: conversation.head.map(|head| head.to_string()),
            revision: conversation.revision,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

impl From<ConversationMessage> for ChatMessageReply {
    fn from(message: ConversationMessage) -> Self {
        Self {
            id: message.id.to_string(),
            parent: message.parent.map(|parent| parent.to_string()),
            role: match message.speaker {
                Speaker::User => ChatSpeakerWord::User,
                Speaker::Assistant => ChatSpeakerWord::Assistant,
            },
            text: message.text,
            state: match message.state {
                MessageState::Complete => MessageStateWord::Complete,
                MessageState::Stopped => MessageStateWord::Stopped,
                MessageState::Failed => MessageStateWord::Failed,
            },
            model: message.model,
            prompt: message.prompt.map(Into::into),
            citations: message.citations.into_iter().map(Into::into).collect(),
            usage: UsageReply::from(message.usage),
            created_at: message.created_at,
        }
    }
}

impl From<(Conversation, ConversationMessage, ConversationMessage)> for SaidReply {
    fn from(
        (chat, message, answer): (Conversation, ConversationMessage, ConversationMessage),
    ) -> Self {
        Self {
            chat: chat.into(),
            message: message.into(),
            answer: answer.into(),
        }
    }
}
