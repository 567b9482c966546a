//! What can be found beside articles, in memory. Changes are noticed when somebody looks: a change is as old as the
//! first look at it, which no follower can tell from a change of that moment.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::following::Span;
use inkstone_domain::ports::{ChangeSignal, DocumentStore, EventLog};
use inkstone_domain::search::{Document, DocumentId, DocumentStamp};

use super::{MemStore, State};

impl State {
    /// All that is there to be found.
    fn documents(&self) -> Vec<Document> {
        let prompts = self.prompts.values().filter_map(|prompt| {
            let version = self.prompt_versions.get(&(prompt.id, prompt.version))?;
            Some(Document::of_prompt(prompt.clone(), version.clone()))
        });
        let media = self.media.values();
        let media = media.filter(|media| media.trashed_at.is_none());
        let messages = self.messages.values().filter_map(|message| {
            let conversation = self.conversations.get(&message.conversation)?;
            Some(Document::of_message(message.clone(), conversation))
        });
        prompts
            .chain(media.cloned().map(Document::of_media))
            .chain(messages)
            .chain(self.notes.values().cloned().map(Document::of_note))
            .collect()
    }

    fn notice_documents(&mut self, now: DateTime<Utc>) {
        let documents = self.documents();
        for known in self.document_stamps.values_mut() {
            let is_there = documents.iter().any(|document| document.id == known.id);
            if !is_there && !known.deleted {
                known.deleted = true;
                known.revision += 1;
                known.changed_at = now;
            }
        }
        for document in documents {
            let stamp = DocumentStamp {
                id: document.id,
                revision: document.revision,
                deleted: false,
                changed_at: now,
            };
            let known = self.document_stamps.entry(document.id).or_insert(stamp);
            if known.revision != document.revision || known.deleted {
                *known = stamp;
            }
        }
    }
}

#[async_trait]
impl DocumentStore for MemStore {
    async fn changed_documents(&self, within: Span) -> Result<Vec<DocumentStamp>> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        state.notice_documents(now);
        let stamps = state.document_stamps.values();
        let mut stamps: Vec<DocumentStamp> = stamps
            .filter(|stamp| within.holds(stamp.changed_at))
            .copied()
            .collect();
        stamps.sort_by_key(|stamp| (stamp.changed_at, stamp.id));
        Ok(stamps)
    }

    async fn document_stamps(
        &self,
        after: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentStamp>> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        state.notice_documents(now);
        let living = state.document_stamps.values();
        let living = living.filter(|stamp| !stamp.deleted);
        let rest = living.filter(|stamp| after.is_none_or(|after| stamp.id > after));
        Ok(rest.take(limit).copied().collect())
    }

    async fn documents(&self, ids: &[DocumentId]) -> Result<Vec<Document>> {
        let mut documents = self.state().documents();
        documents.retain(|document| ids.contains(&document.id));
        Ok(documents)
    }

    async fn forget_document_changes(&self, before: DateTime<Utc>) -> Result<()> {
        let mut state = self.state();
        state
            .document_stamps
            .retain(|_, stamp| !stamp.deleted || stamp.changed_at >= before);
        Ok(())
    }

    fn document_changes(&self) -> ChangeSignal {
        self.tellings()
    }
}
