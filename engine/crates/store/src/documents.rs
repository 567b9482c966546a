//! What can be found beside articles: prompts, notes, files, messages of chats. Each change of one leaves its stamp in the table
//! `document_change` in the same transaction, by an event of its table: no statement has to think of it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::following::Span;
use inkstone_domain::ports::{ChangeSignal, DocumentStore};
use inkstone_domain::search::{
    Document, DocumentId, DocumentKind, DocumentStamp, MESSAGE_REVISION,
};
use surrealdb::types::SurrealValue;
use tokio_stream::wrappers::WatchStream;

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse};
use crate::statement::Statement;
use crate::times;

const CHANGE: &str = "document_change";
/// Together, so that no transaction is long.
const FORGOTTEN: u64 = 1_000;

/// For [`times::bind`].
pub(crate) const CHANGED: &str = "SELECT key, revision, removed, changed_at FROM document_change \
     WHERE changed_at >= $since AND changed_at <= $until ORDER BY changed_at";

#[derive(SurrealValue)]
struct StampRow {
    key: String,
    revision: u64,
    removed: bool,
    changed_at: DateTime<Utc>,
}

#[async_trait]
impl DocumentStore for SurrealStore {
    async fn changed_documents(&self, within: Span) -> Result<Vec<DocumentStamp>> {
        let statement = times::bind(Statement::new(CHANGED), within);
        let mut rows: Vec<StampRow> = self.read(statement).await?;
        rows.retain(|row| within.holds(row.changed_at));
        Ok(read_all(rows)?)
    }

    async fn document_stamps(
        &self,
        after: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentStamp>> {
        for kind in [
            DocumentKind::Prompt,
            DocumentKind::Media,
            DocumentKind::Message,
            DocumentKind::Note,
        ] {
            let after = match after {
                Some(after) if after.kind() > kind => continue,
                Some(after) if after.kind() == kind => after.to_string(),
                _ => String::new(),
            };
            let statement = Statement::new(stamps_of(kind))
                .bind("after", after)
                .bind("first", MESSAGE_REVISION)
                .bind("limit", limit.min(u32::MAX as usize));
            let rows: Vec<StampRow> = self.read(statement).await?;
            if !rows.is_empty() {
                return Ok(read_all(rows)?);
            }
        }
        Ok(Vec::new())
    }

    async fn documents(&self, ids: &[DocumentId]) -> Result<Vec<Document>> {
        let (mut prompts, mut notes) = (Vec::new(), Vec::new());
        let (mut media, mut messages) = (Vec::new(), Vec::new());
        for id in ids {
            match id {
                DocumentId::Article(_) => {}
                DocumentId::Prompt(id) => prompts.push(*id),
                DocumentId::Media(id) => media.push(*id),
                DocumentId::Message(id) => messages.push(*id),
                DocumentId::Note(id) => notes.push(*id),
            }
        }
        let mut documents = Vec::with_capacity(ids.len());
        if !prompts.is_empty() {
            let found = self.prompts_by_id(&prompts).await?;
            documents.extend(
                found
                    .into_iter()
                    .map(|(one, text)| Document::of_prompt(one, text)),
            );
        }
        if !media.is_empty() {
            let found = self.media_by_id(&media).await?;
            let living = found.into_iter().filter(|one| one.trashed_at.is_none());
            documents.extend(living.map(Document::of_media));
        }
        if !messages.is_empty() {
            let found = self.messages_by_id(&messages).await?;
            let found = found.into_iter();
            documents.extend(found.map(|(one, chat)| Document::of_message(one, &chat)));
        }
        if !notes.is_empty() {
            let found = self.notes_by_id(&notes).await?;
            documents.extend(found.into_iter().map(Document::of_note));
        }
        Ok(documents)
    }

    async fn forget_document_changes(&self, before: DateTime<Utc>) -> Result<()> {
        loop {
            let statement = Statement::new(
                "{
                    LET $old = SELECT VALUE id FROM document_change WHERE changed_at < $before LIMIT $piece;
                    DELETE $old RETURN NONE;
                    RETURN array::len($old);
                }",
            )
            .bind("before", before)
            .bind("piece", FORGOTTEN);
            let gone: u64 = self.write(statement).await?;
            if gone < FORGOTTEN {
                return Ok(());
            }
        }
    }

    fn document_changes(&self) -> ChangeSignal {
        Box::pin(WatchStream::from_changes(self.event_nudges()))
    }
}

fn stamps_of(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Prompt => {
            "SELECT key, version AS revision, false AS removed, updated_at AS changed_at \
             FROM prompt WHERE key > $after ORDER BY key LIMIT $limit"
        }
        DocumentKind::Media => {
            "SELECT key, revision, is_trashed AS removed, updated_at AS changed_at \
             FROM type::record('media', $after>..) LIMIT $limit"
        }
        DocumentKind::Note => {
            "SELECT key, revision, false AS removed, updated_at AS changed_at \
             FROM type::record('note', $after>..) LIMIT $limit"
        }
        DocumentKind::Message | DocumentKind::Article => {
            "SELECT key, $first AS revision, false AS removed, created_at AS changed_at \
             FROM type::record('conversation_message', $after>..) LIMIT $limit"
        }
    }
}

impl TryFrom<StampRow> for DocumentStamp {
    type Error = StoreFailure;

    fn try_from(row: StampRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(CHANGE, &row.key)?,
            revision: row.revision,
            deleted: row.removed,
            changed_at: row.changed_at,
        })
    }
}
