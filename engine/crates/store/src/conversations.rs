//! The tables `conversation` and `conversation_message`.

mod row;

use async_trait::async_trait;
use chrono::Utc;
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::conversation::{Conversation, ConversationMessage, Summary};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{ConversationId, MessageId, UserId};
use inkstone_domain::ports::ConversationStore;
use surrealdb::types::{RecordId, SurrealValue};

use self::row::{ConversationRow, MessageRow};
use crate::articles::read_all;
use crate::audit::transaction;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::to_json;
use crate::statement::Statement;

const CONVERSATION: &str = "conversation";

const UPDATE: &str = concat!(
    "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('conversation', $row.key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    UPDATE type::record('conversation', $row.key) CONTENT $row RETURN NONE;
",
    tell!()
);
const DELETE: &str = concat!(
    "
    LET $stored = SELECT VALUE key FROM ONLY type::record('conversation', $key);
    IF $stored = NONE { THROW 'refused:not_found' };
    DELETE type::record('conversation', $key) RETURN NONE;
    DELETE conversation_message WHERE conversation = $key RETURN NONE;
",
    tell!()
);
const APPEND: &str = concat!(
    "
    LET $stored = SELECT VALUE key FROM ONLY type::record('conversation', $row.conversation);
    IF $stored = NONE { THROW 'refused:not_found' };
    CREATE type::record('conversation_message', $row.key) CONTENT $row RETURN NONE;
    UPDATE type::record('conversation', $row.conversation)
        SET head = $row.key, revision += 1, updated_at = $row.created_at RETURN NONE;
",
    tell!()
);
const KEEP_SUMMARY: &str = "
    LET $stored = SELECT VALUE key FROM ONLY type::record('conversation', $key);
    IF $stored = NONE { THROW 'refused:not_found' };
    UPDATE type::record('conversation', $key) SET summary = $summary RETURN NONE;
";

#[async_trait]
impl ConversationStore for SurrealStore {
    async fn create_conversation(&self, conversation: &Conversation) -> Result<()> {
        let create = concat!(
            "CREATE type::record('conversation', $row.key) CONTENT $row RETURN NONE;",
            tell!()
        );
        let statement = transaction(create, None)
            .about(subject(conversation.id))
            .bind("row", ConversationRow::of(conversation)?)
            .tell(ScopedEvent::chat_created(conversation))?;
        Ok(self.write(statement).await?)
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('conversation', $key)")
            .bind("key", id.to_string());
        let row: Option<ConversationRow> = self.read(statement).await?;
        Ok(row.map(Conversation::try_from).transpose()?)
    }

    async fn list_conversations(
        &self,
        project: &str,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<Conversation>> {
        let place: Place<ConversationId> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND key < $before",
            None => "",
        };
        let text = format!(
            "SELECT * FROM conversation WHERE owner = $owner AND project = $project {beginning} \
             ORDER BY key DESC LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("owner", owner.to_string())
            .bind("project", project)
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<ConversationRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |one: &Conversation| one.id))
    }

    async fn update_conversation(
        &self,
        conversation: &Conversation,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let statement = transaction(UPDATE, audit)
            .about(subject(conversation.id))
            .bind("row", ConversationRow::of(conversation)?)
            .tell(ScopedEvent::chat_changed(conversation, audit))?;
        Ok(self.write(statement).await?)
    }

    async fn delete_conversation(
        &self,
        id: ConversationId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let chat = self.kept(id).await?;
        let statement = transaction(DELETE, audit)
            .about(subject(id))
            .bind("key", id.to_string())
            .tell(ScopedEvent::chat_deleted(&chat, audit, Utc::now()))?;
        Ok(self.write(statement).await?)
    }

    async fn append_message(&self, message: &ConversationMessage) -> Result<()> {
        let chat = self.kept(message.conversation).await?;
        let statement = transaction(APPEND, None)
            .about(subject(message.conversation))
            .bind("row", MessageRow::of(message)?)
            .tell(ScopedEvent::chat_message(message, &chat))?;
        Ok(self.write(statement).await?)
    }

    async fn keep_summary(&self, id: ConversationId, summary: &Summary) -> Result<()> {
        let statement = transaction(KEEP_SUMMARY, None)
            .about(subject(id))
            .bind("key", id.to_string())
            .bind("summary", to_json(CONVERSATION, summary)?);
        Ok(self.write(statement).await?)
    }

    async fn message(&self, id: MessageId) -> Result<Option<ConversationMessage>> {
        let statement =
            Statement::new("SELECT * FROM ONLY type::record('conversation_message', $key)")
                .bind("key", id.to_string());
        let row: Option<MessageRow> = self.read(statement).await?;
        Ok(row.map(ConversationMessage::try_from).transpose()?)
    }

    async fn message_count(&self, conversation: ConversationId) -> Result<usize> {
        let statement = Statement::new(
            "SELECT VALUE count FROM ONLY (SELECT count() FROM conversation_message \
             WHERE conversation = $conversation GROUP ALL) LIMIT 1",
        )
        .bind("conversation", conversation.to_string());
        let count: Option<u64> = self.read(statement).await?;
        Ok(count.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX)))
    }

    async fn list_messages(
        &self,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<ConversationMessage>> {
        let place: Place<MessageId> = Place::of(&page)?;
        // Oldest first: the last one of the page before is older than these.
        let beginning = match place.before {
            Some(_) => "AND key > $after",
            None => "",
        };
        let text = format!(
            "SELECT * FROM conversation_message WHERE conversation = $conversation {beginning} \
             ORDER BY key LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("conversation", conversation.to_string())
            .bind("after", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<MessageRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |one: &ConversationMessage| one.id))
    }

    async fn messages_back(
        &self,
        conversation: ConversationId,
        from: MessageId,
        limit: usize,
    ) -> Result<Vec<ConversationMessage>> {
        let statement = Statement::new(
            "SELECT * FROM conversation_message WHERE conversation = $conversation AND key <= $from \
             ORDER BY key DESC LIMIT $limit",
        )
        .bind("conversation", conversation.to_string())
        .bind("from", from.to_string())
        .bind("limit", limit as u64);
        let rows: Vec<MessageRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

/// Messages with the conversations they are in, in no order.
#[derive(SurrealValue)]
struct FoundRow {
    messages: Vec<MessageRow>,
    conversations: Vec<ConversationRow>,
}

impl SurrealStore {
    /// Those of them that there are, with their conversations.
    pub(crate) async fn messages_by_id(
        &self,
        ids: &[MessageId],
    ) -> Result<Vec<(ConversationMessage, Conversation)>> {
        let records = ids
            .iter()
            .map(|id| RecordId::new(row::MESSAGE, id.to_string()));
        let statement = Statement::new(
            "{
                LET $found = SELECT * FROM $records WHERE key != NONE;
                LET $keys = array::distinct($found.map(|$row| $row.conversation));
                LET $chats = $keys.map(|$key| type::record('conversation', $key));
                RETURN {
                    messages: $found,
                    conversations: (SELECT * FROM $chats WHERE key != NONE)
                };
            }",
        )
        .bind("records", records.collect::<Vec<_>>());
        let found: FoundRow = self.read(statement).await?;
        let chats: Vec<Conversation> = read_all(found.conversations)?;
        let messages: Vec<ConversationMessage> = read_all(found.messages)?;
        let pairs = messages.into_iter().filter_map(|message| {
            let mut chats = chats.iter();
            let chat = chats.find(|chat| chat.id == message.conversation)?;
            Some((message, chat.clone()))
        });
        Ok(pairs.collect())
    }

    /// For what an event tells of it, which never changes.
    async fn kept(&self, id: ConversationId) -> Result<Conversation> {
        let found = self.conversation(id).await?;
        Ok(found.ok_or_else(|| StoreFailure::not_found(subject(id)))?)
    }
}

fn subject(id: ConversationId) -> String {
    format!("conversation `{id}`")
}
