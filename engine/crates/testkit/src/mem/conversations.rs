//! Conversations in memory.

use std::cmp::Reverse;
use std::fmt;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::conversation::{Conversation, ConversationMessage, Summary};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{ConversationId, MessageId, UserId};
use inkstone_domain::ports::ConversationStore;

use super::projects::mismatch;
use super::{MemStore, already_exists, not_found, page_of};

/// An id in a list that begins with the oldest: the order of most is turned.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct OldestFirst(Reverse<MessageId>);

impl fmt::Display for OldestFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.0, f)
    }
}

#[async_trait]
impl ConversationStore for MemStore {
    async fn create_conversation(&self, conversation: &Conversation) -> Result<()> {
        let mut state = self.state();
        let id = conversation.id;
        if state.conversations.contains_key(&id) {
            return Err(already_exists("conversation", id));
        }
        state.conversations.insert(id, conversation.clone());
        state.tell_of(ScopedEvent::chat_created(conversation));
        Ok(())
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>> {
        Ok(self.state().conversations.get(&id).cloned())
    }

    async fn list_conversations(
        &self,
        project: &str,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<Conversation>> {
        let state = self.state();
        let newest_first = state.conversations.iter().rev();
        let own = newest_first.filter(|(_, one)| one.project == project && one.owner == owner);
        let keyed = own.map(|(id, one)| (*id, one.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn update_conversation(
        &self,
        conversation: &Conversation,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        let id = conversation.id;
        let stored = state.conversations.get_mut(&id);
        let stored = stored.ok_or_else(|| not_found("conversation", id))?;
        if stored.revision + 1 != conversation.revision {
            return Err(mismatch());
        }
        stored.clone_from(conversation);
        state.tell_of(ScopedEvent::chat_changed(conversation, audit));
        if let Some(audit) = audit {
            state.append_audit(audit);
        }
        Ok(())
    }

    async fn delete_conversation(
        &self,
        id: ConversationId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let removed = state.conversations.remove(&id);
        let removed = removed.ok_or_else(|| not_found("conversation", id))?;
        state.tell_of(ScopedEvent::chat_deleted(&removed, audit, now));
        state
            .messages
            .retain(|_, message| message.conversation != id);
        if let Some(audit) = audit {
            state.append_audit(audit);
        }
        Ok(())
    }

    async fn append_message(&self, message: &ConversationMessage) -> Result<()> {
        let mut state = self.state();
        let id = message.conversation;
        let stored = state.conversations.get_mut(&id);
        let stored = stored.ok_or_else(|| not_found("conversation", id))?;
        stored.head = Some(message.id);
        stored.revision += 1;
        stored.updated_at = message.created_at;
        let told = ScopedEvent::chat_message(message, stored);
        state.messages.insert(message.id, message.clone());
        state.tell_of(told);
        Ok(())
    }

    async fn keep_summary(&self, id: ConversationId, summary: &Summary) -> Result<()> {
        let mut state = self.state();
        let stored = state.conversations.get_mut(&id);
        let stored = stored.ok_or_else(|| not_found("conversation", id))?;
        stored.summary = Some(summary.clone());
        Ok(())
    }

    async fn message(&self, id: MessageId) -> Result<Option<ConversationMessage>> {
        Ok(self.state().messages.get(&id).cloned())
    }

    async fn message_count(&self, conversation: ConversationId) -> Result<usize> {
        let state = self.state();
        let messages = state.messages.values();
        let own = messages.filter(|message| message.conversation == conversation);
        Ok(own.count())
    }

    async fn list_messages(
        &self,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<ConversationMessage>> {
        let state = self.state();
        let messages = state.messages.iter();
        let own = messages.filter(|(_, message)| message.conversation == conversation);
        let keyed = own.map(|(id, message)| (OldestFirst(Reverse(*id)), message.clone()));
        page_of(keyed, &page, |cursor| {
            cursor.parse().ok().map(Reverse).map(OldestFirst)
        })
    }

    async fn messages_back(
        &self,
        conversation: ConversationId,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<ConversationMessage>> {
        let state = self.state();
        let back = state.messages.range(..=from).rev();
        let back = back.map(|(_, message)| message);
        let own = back.filter(|message| message.conversation == conversation);
        Ok(own.take(limit).cloned().collect())
    }
}
