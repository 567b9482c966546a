//! What stores tell of notes.

use chrono::{DateTime, Utc};

use super::{Event, EventBody, Scope, ScopedEvent};
use crate::audit::AuditRecord;
use crate::ids::UserId;
use crate::note::Note;

impl Scope {
    pub fn of_note(note: &Note) -> Self {
        Self::owned(&note.project, note.author)
    }
}

impl ScopedEvent {
    /// Notes from archives were written elsewhere and by others; the audit record knows by whom and when they came.
    pub fn note_created(note: &Note, audit: &AuditRecord) -> Self {
        let body = EventBody::NoteCreated {
            note: note.id,
            revision: note.revision,
        };
        let actor = audit.actor.unwrap_or(note.author);
        Event::new(audit.at, actor, body).within(Scope::of_note(note))
    }

    pub fn note_changed(note: &Note, by: UserId, at: DateTime<Utc>) -> Self {
        let body = EventBody::NoteChanged {
            note: note.id,
            revision: note.revision,
        };
        Event::new(at, by, body).within(Scope::of_note(note))
    }

    pub fn note_deleted(note: &Note, by: UserId, at: DateTime<Utc>) -> Self {
        let body = EventBody::NoteDeleted { note: note.id };
        Event::new(at, by, body).within(Scope::of_note(note))
    }
}
