//! Conversations that are kept: messages of somebody and a model. They form a tree, so that a question can
//! be put otherwise and an answer made again without losing what was; the head says which branch is shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chat::Usage;
use crate::ids::{ArticleId, ConversationId, MediaId, MessageId, UserId};
use crate::prompt::PromptRef;
use crate::research::Source;

#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    pub id: ConversationId,
    /// Slug of the project.
    pub project: String,
    pub owner: UserId,
    pub title: String,
    /// As it was asked for; `None` is the project's.
    pub model: Option<String>,
    pub prompt: Option<UsedPrompt>,
    /// What fell out of the model's context window.
    pub summary: Option<Summary>,
    /// The last message of the branch that is shown; `None` before the first.
    pub head: Option<MessageId>,
    /// 1 at creation, one more with every change and every message.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The prompt that stands before the messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedPrompt {
    pub prompt: PromptRef,
    pub variables: Map<String, Value>,
}

/// The messages up to one of them, in fewer words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub text: String,
    /// The last message it tells of. It counts on branches alone that have it.
    pub through: MessageId,
}

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    User,
    Assistant,
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    Complete,
    /// Whoever asked left, or stopped it: the text is what was said until then.
    Stopped,
    /// The model failed in the middle.
    Failed,
}

/// A message as it is kept. It is written once, when it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationMessage {
    pub id: MessageId,
    pub conversation: ConversationId,
    /// What it answers or goes on from; `None` for the first of a branch.
    pub parent: Option<MessageId>,
    pub speaker: Speaker,
    pub text: String,
    pub state: MessageState,
    /// `provider/model` that said it.
    pub model: Option<String>,
    /// What stood before the messages when it was said.
    pub prompt: Option<PromptRef>,
    pub citations: Vec<Source>,
    /// Files that came with it.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Articles that were given to the model with it.
    #[serde(default)]
    pub articles: Vec<GivenArticle>,
    /// What it says it has from articles that were given.
    #[serde(default)]
    pub cited: Vec<ArticleCitation>,
    pub usage: Usage,
    pub created_at: DateTime<Utc>,
}

/// A file that came with a message, in the version of that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub media: MediaId,
    pub version: u32,
    /// The smaller picture that is sent in its place, if one is.
    pub variant: Option<String>,
    pub name: String,
    /// Of what is sent.
    pub content_type: String,
}

/// An article that was given to a model, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenArticle {
    pub article: ArticleId,
    pub revision: u64,
    pub title: String,
}

/// A place of an answer that leads to an article. Only articles that were given are ever cited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleCitation {
    /// As it stands in the answer, `[1]`.
    pub number: u32,
    pub article: GivenArticle,
    /// Words that the answer quotes and the article has.
    pub quote: Option<String>,
}
