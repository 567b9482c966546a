//! Where notes are kept. Every change is one transaction with its entry in the audit log.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::{NoteId, UserId};
use crate::note::Note;

#[async_trait]
pub trait NoteStore: Send + Sync {
    /// `already_exists` for a known id.
    async fn create_note(&self, note: &Note, audit: &AuditRecord) -> Result<()>;
    /// Replaces it, in the name of `by`, if the stored revision is `next.revision - 1`, else
    /// `revision_mismatch`; `not_found` where there is none.
    async fn update_note(&self, next: &Note, by: UserId, audit: &AuditRecord) -> Result<()>;
    /// In the name of `by`, if it still has the revision that is shown, else `revision_mismatch`;
    /// `not_found` where there is none.
    async fn delete_note(&self, note: &Note, by: UserId, audit: &AuditRecord) -> Result<()>;
    async fn note(&self, id: NoteId) -> Result<Option<Note>>;
    /// Newest first; those of one author where one is given.
    async fn list_notes(
        &self,
        project: &str,
        author: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Note>>;
}
