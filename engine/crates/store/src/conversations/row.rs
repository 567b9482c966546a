//! Rows of `conversation` and `conversation_message`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::conversation::{Conversation, ConversationMessage, Summary, UsedPrompt};
use surrealdb::types::SurrealValue;

use super::CONVERSATION;
use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, parse_option, to_json};

pub(super) const MESSAGE: &str = "conversation_message";

#[derive(SurrealValue)]
pub(super) struct ConversationRow {
    key: String,
    project: String,
    owner: String,
    title: String,
    model: Option<String>,
    prompt: Option<String>,
    summary: Option<String>,
    head: Option<String>,
    revision: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
pub(super) struct MessageRow {
    key: String,
    conversation: String,
    created_at: DateTime<Utc>,
    document: String,
}

impl ConversationRow {
    pub(super) fn of(conversation: &Conversation) -> RowResult<Self> {
        let prompt = conversation.prompt.as_ref();
        let summary = conversation.summary.as_ref();
        Ok(Self {
            key: conversation.id.to_string(),
            project: conversation.project.clone(),
            owner: conversation.owner.to_string(),
            title: conversation.title.clone(),
            model: conversation.model.clone(),
            prompt: prompt
                .map(|prompt| to_json(CONVERSATION, prompt))
                .transpose()?,
            summary: summary
                .map(|summary| to_json(CONVERSATION, summary))
                .transpose()?,
            head: conversation.head.map(|head| head.to_string()),
            revision: conversation.revision,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        })
    }
}

impl TryFrom<ConversationRow> for Conversation {
    type Error = StoreFailure;

    fn try_from(row: ConversationRow) -> RowResult<Self> {
        let prompt: Option<RowResult<UsedPrompt>> =
            row.prompt.map(|text| from_json(CONVERSATION, &text));
        let summary: Option<RowResult<Summary>> =
            row.summary.map(|text| from_json(CONVERSATION, &text));
        Ok(Self {
            id: parse(CONVERSATION, &row.key)?,
            project: row.project,
            owner: parse(CONVERSATION, &row.owner)?,
            title: row.title,
            model: row.model,
            prompt: prompt.transpose()?,
            summary: summary.transpose()?,
            head: parse_option(CONVERSATION, row.head)?,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl MessageRow {
    pub(super) fn of(message: &ConversationMessage) -> RowResult<Self> {
        Ok(Self {
            key: message.id.to_string(),
            conversation: message.conversation.to_string(),
            created_at: message.created_at,
            document: to_json(MESSAGE, message)?,
        })
    }
}

impl TryFrom<MessageRow> for ConversationMessage {
    type Error = StoreFailure;

    fn try_from(row: MessageRow) -> RowResult<Self> {
        from_json(MESSAGE, &row.document)
    }
}
