//! Notes in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{NoteId, UserId};
use inkstone_domain::note::Note;
use inkstone_domain::ports::NoteStore;

use super::projects::mismatch;
use super::{MemStore, already_exists, not_found, page_of};

#[async_trait]
impl NoteStore for MemStore {
    async fn create_note(&self, note: &Note, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.notes.contains_key(&note.id) {
            return Err(already_exists("note", note.id));
        }
        state.notes.insert(note.id, note.clone());
        state.tell_of(ScopedEvent::note_created(note, audit));
        state.append_audit(audit);
        Ok(())
    }

    async fn update_note(&self, next: &Note, by: UserId, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let stored = state.notes.get_mut(&next.id);
        let stored = stored.ok_or_else(|| not_found("note", next.id))?;
        if stored.revision + 1 != next.revision {
            return Err(mismatch());
        }
        stored.clone_from(next);
        state.tell_of(ScopedEvent::note_changed(next, by, audit.at));
        state.append_audit(audit);
        Ok(())
    }

    async fn delete_note(&self, note: &Note, by: UserId, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let stored = state.notes.get(&note.id);
        let stored = stored.ok_or_else(|| not_found("note", note.id))?;
        if stored.revision != note.revision {
            return Err(mismatch());
        }
        state.notes.remove(&note.id);
        state.tell_of(ScopedEvent::note_deleted(note, by, audit.at));
        state.append_audit(audit);
        Ok(())
    }

    async fn note(&self, id: NoteId) -> Result<Option<Note>> {
        Ok(self.state().notes.get(&id).cloned())
    }

    async fn list_notes(
        &self,
        project: &str,
        author: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Note>> {
        let state = self.state();
        let newest_first = state.notes.values().rev();
        let own = newest_first
            .filter(|note| note.project == project)
            .filter(|note| author.is_none_or(|author| note.author == author));
        page_of(own.map(|note| (note.id, note.clone())), &page, |cursor| {
            cursor.parse().ok()
        })
    }
}
