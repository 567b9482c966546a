//! Chats of a project, and what is said in them.

use chrono::{DateTime, Utc};
use inkstone_domain::conversation::{
    ArticleCitation, Attachment, Conversation, ConversationMessage, GivenArticle, MessageState,
    Speaker,
};
use inkstone_domain::ids::{ArticleId, ConversationId, MediaId, MessageId};
use inkstone_domain::research::Source;
use inkstone_domain::{FieldError, Result};
use inkstone_services::conversations::{ConversationPatch, Say, What};
use inkstone_services::prompts::PromptUse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::openai::completion::UsageReply;
use super::prompt::PromptRefReply;
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
    /// Files of the project, eight at most: pictures for models that see them, and texts. With `message`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 8)]
    pub attachments: Vec<MediaId>,
    /// What else the model is given. With `message`.
    #[serde(default)]
    pub context: Option<ContextBody>,
    /// Server-sent events in the shape of OpenAI's chunks, up to `data: [DONE]`.
    #[serde(default)]
    pub stream: bool,
}

/// What a model is given beside a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextBody {
    /// `art_…` of the project, eight at most. What the answer has from them stands in its `citations`.
    #[schema(value_type = Vec<String>, max_items = 8)]
    pub articles: Vec<ArticleId>,
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
    /// Where it says it has something from: sources of the model's own, and articles that were given.
    pub citations: Vec<ChatCitationReply>,
    /// Files that came with it.
    pub attachments: Vec<AttachmentReply>,
    /// Articles that were given with it.
    pub articles: Vec<GivenArticleReply>,
    pub usage: UsageReply,
    pub created_at: DateTime<Utc>,
}

/// A file that came with a message, in the version of that moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttachmentReply {
    /// `med_…`
    pub id: String,
    pub version: u32,
    /// The smaller picture that was given in its place.
    pub variant: Option<String>,
    pub name: String,
    /// Of what was given.
    pub content_type: String,
}

/// An article that was given to the model, as it was then.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GivenArticleReply {
    /// `art_…`
    pub id: String,
    pub revision: u64,
    pub title: String,
}

/// Where a statement comes from. With `article` it is one that was given, and with `url` what the model says
/// it found elsewhere.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ChatCitationReply {
    pub url: Option<String>,
    pub title: Option<String>,
    pub author: Option<String>,
    /// RFC 3339 date or date-time.
    pub published: Option<String>,
    /// `art_…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// Of the article.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// As it stands in the answer, in square brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Words that the answer quotes and the article has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
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
            attachments: self.attachments,
            articles: self.context.map(|it| it.articles).unwrap_or_default(),
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
        let (of_models, of_articles) = (message.citations.into_iter(), message.cited.into_iter());
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
            citations: of_models
                .map(ChatCitationReply::from)
                .chain(of_articles.map(ChatCitationReply::from))
                .collect(),
            attachments: message.attachments.into_iter().map(Into::into).collect(),
            articles: message.articles.into_iter().map(Into::into).collect(),
            usage: UsageReply::from(message.usage),
            created_at: message.created_at,
        }
    }
}

impl From<Attachment> for AttachmentReply {
    fn from(file: Attachment) -> Self {
        Self {
            id: file.media.to_string(),
            version: file.version,
            variant: file.variant,
            name: file.name,
            content_type: file.content_type,
        }
    }
}

impl From<GivenArticle> for GivenArticleReply {
    fn from(given: GivenArticle) -> Self {
        Self {
            id: given.article.to_string(),
            revision: given.revision,
            title: given.title,
        }
    }
}

impl From<Source> for ChatCitationReply {
    fn from(source: Source) -> Self {
        Self {
            url: source.url,
            title: source.title,
            author: source.author,
            published: source.published,
            ..Self::default()
        }
    }
}

impl From<ArticleCitation> for ChatCitationReply {
    fn from(cited: ArticleCitation) -> Self {
        Self {
            title: Some(cited.article.title),
            article: Some(cited.article.article.to_string()),
            revision: Some(cited.article.revision),
            number: Some(cited.number),
            quote: cited.quote,
            ..Self::default()
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
