//! Comments in memory.

use async_trait::async_trait;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::comment::Comment;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{ArticleId, CommentId, UserId};
use inkstone_domain::ports::{CommentArrival, CommentStore};
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State, already_exists, not_found, page_of};

#[async_trait]
impl CommentStore for MemStore {
    async fn create_comment(&self, new: &Comment, audit: Option<&AuditRecord>) -> Result<()> {
        let mut state = self.state();
        state.add_comment(new)?;
        let scope = state.scope_of_article(new.article);
        state.tell_of(ScopedEvent::comment_written(new, scope));
        state.note(audit);
        Ok(())
    }

    async fn update_comment(
        &self,
        next: &Comment,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        state.replace_comment(next)?;
        let scope = state.scope_of_article(next.article);
        state.tell_of(ScopedEvent::comment_changed(next, by, scope));
        state.note(audit);
        Ok(())
    }

    async fn delete_comment(
        &self,
        id: CommentId,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let removed = state.comments.remove(&id);
        let removed = removed.ok_or_else(|| not_found("comment", id))?;
        state.comments.retain(|_, it| it.reply_to != Some(id));
        let scope = state.scope_of_article(removed.article);
        state.tell_of(ScopedEvent::comment_deleted(&removed, by, now, scope));
        state.note(audit);
        Ok(())
    }

    async fn comment(&self, id: CommentId) -> Result<Option<Comment>> {
        Ok(self.state().comments.get(&id).cloned())
    }

    async fn comments(&self, article: ArticleId, page: PageRequest) -> Result<Page<Comment>> {
        let state = self.state();
        let newest_first = state.comments.iter().rev();
        let about = newest_first.filter(|(_, it)| it.article == article);
        let keyed = about.map(|(id, it)| (*id, it.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }
}

impl State {
    pub(super) fn create_arrived_comment(&mut self, arrival: CommentArrival) -> Result<()> {
        self.add_comment(&arrival.comment)?;
        self.tell_of_arrived(arrival);
        Ok(())
    }

    pub(super) fn update_arrived_comment(&mut self, arrival: CommentArrival) -> Result<()> {
        self.replace_comment(&arrival.comment)?;
        self.tell_of_arrived(arrival);
        Ok(())
    }

    fn tell_of_arrived(&mut self, arrival: CommentArrival) {
        let scope = self.scope_of_article(arrival.comment.article);
        self.tell_of(arrival.event.within(scope));
        self.note(arrival.audit.as_ref());
    }

    fn add_comment(&mut self, new: &Comment) -> Result<()> {
        if self.comments.contains_key(&new.id) {
            return Err(already_exists("comment", new.id));
        }
        self.comments.insert(new.id, new.clone());
        Ok(())
    }

    fn replace_comment(&mut self, next: &Comment) -> Result<()> {
        let stored = self.comments.get_mut(&next.id);
        let stored = stored.ok_or_else(|| not_found("comment", next.id))?;
        if stored.revision + 1 != next.revision {
            let revision = stored.revision;
            return Err(Error::new(
                &codes::REVISION_MISMATCH,
                format!("the comment is at revision {revision} by now"),
            )
            .with_revision(Some(revision)));
        }
        stored.clone_from(next);
        Ok(())
    }

    fn note(&mut self, audit: Option<&AuditRecord>) {
        if let Some(audit) = audit {
            self.append_audit(audit);
        }
    }
}
