//! Where conversations are kept.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::conversation::{Conversation, ConversationMessage, Summary};
use crate::ids::{ConversationId, MessageId, UserId};

#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// `already_exists` for a known id.
    async fn create_conversation(&self, conversation: &Conversation) -> Result<()>;
    async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>>;
    /// Newest first, of one owner in one project.
    async fn list_conversations(
        &self,
        project: &str,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<Conversation>>;
    /// Replaces a conversation if the stored revision is `conversation.revision - 1`, else
    /// `revision_mismatch`; `not_found` where it is gone. With `audit` where an admin does it.
    async fn update_conversation(
        &self,
        conversation: &Conversation,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// Removes it with its messages; `not_found` where it is gone.
    async fn delete_conversation(
        &self,
        id: ConversationId,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// Adds a message and makes it the head; `not_found` where the conversation is gone.
    async fn append_message(&self, message: &ConversationMessage) -> Result<()>;
    /// Keeps a summary in place of the one before; `not_found` where the conversation is gone.
    async fn keep_summary(&self, id: ConversationId, summary: &Summary) -> Result<()>;
    async fn message(&self, id: MessageId) -> Result<Option<ConversationMessage>>;
    /// How many there are, on all branches.
    async fn message_count(&self, conversation: ConversationId) -> Result<usize>;
    /// On all branches, oldest first.
    async fn list_messages(
        &self,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<ConversationMessage>>;
    /// That one and those before it by their ids, on all branches, newest first, at most `limit`.
    async fn messages_back(
        &self,
        conversation: ConversationId,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<ConversationMessage>>;
}
