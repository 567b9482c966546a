//! Conversations as they are kept: listed, looked at, changed, stopped and removed by their owners. What
//! an admin does with those of somebody else is written down.

use inkstone_domain::audit::actions;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::conversation::{Conversation, ConversationMessage};
use inkstone_domain::ids::{ConversationId, MessageId};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::{Conversations, invalid};
use crate::content::check_page;
use crate::policy::{Act, Verdict};
use crate::projects::{CHANGE_ATTEMPTS, check_revision, contended, retries};

const MAX_TITLE_CHARS: usize = 200;

/// What to change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationPatch {
    pub title: Option<String>,
    /// The last message of the branch to show.
    pub head: Option<MessageId>,
}

impl Conversations {
    /// Stops the answer that is under way on this engine; what was said until then is kept. `conflict`
    /// where there is none.
    pub async fn stop(&self, principal: &Principal, slug: &str, id: ConversationId) -> Result<()> {
        let (conversation, verdict) = self.open(principal, slug, id, Act::ChangeChat).await?;
        let audit = self.record(principal, &conversation, verdict, actions::CHAT_CHANGED);
        if let Some(record) = audit {
            let record = record.with_detail("the answer is stopped");
            self.audit.append(&record).await?;
        }
        match self.running.stop(conversation.id) {
            true => Ok(()),
            false => Err(Error::new(
                &codes::CONFLICT,
                "no answer is under way in this conversation",
            )),
        }
    }

    /// Own ones, newest first.
    pub async fn list(
        &self,
        principal: &Principal,
        slug: &str,
        page: PageRequest,
    ) -> Result<Page<Conversation>> {
        check_page(&page)?;
        self.access.enter(principal, slug, Act::SeeChat).await?;
        self.store
            .list_conversations(slug, principal.user, page)
            .await
    }

    /// An own one; an admin's look at that of somebody else is written down.
    pub async fn get(
        &self,
        principal: &Principal,
        slug: &str,
        id: ConversationId,
    ) -> Result<Conversation> {
        let (conversation, verdict) = self.open(principal, slug, id, Act::SeeChat).await?;
        self.written_down(principal, &conversation, verdict).await?;
        Ok(conversation)
    }

    /// Its messages on all branches, oldest first. Conditions as for [`Conversations::get`].
    pub async fn messages(
        &self,
        principal: &Principal,
        slug: &str,
        id: ConversationId,
        page: PageRequest,
    ) -> Result<Page<ConversationMessage>> {
        check_page(&page)?;
        let conversation = self.get(principal, slug, id).await?;
        self.store.list_messages(conversation.id, page).await
    }

    /// Changes its title, or which branch is shown. With `expected` the stored revision must be that one;
    /// `conflict` where the project is archived.
    pub async fn update(
        &self,
        principal: &Principal,
        slug: &str,
        id: ConversationId,
        patch: ConversationPatch,
        expected: Option<u64>,
    ) -> Result<Conversation> {
        check_patch(&patch)?;
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.open(principal, slug, id, Act::ChangeChat).await?;
            self.access.check_open(slug).await?;
            check_revision("conversation", before.revision, expected)?;
            let mut after = before.clone();
            if let Some(title) = &patch.title {
                after.title = title.trim().to_owned();
            }
            if let Some(head) = patch.head {
                after.head = Some(self.message_of(id, head).await?.id);
            }
            if after == before {
                return Ok(before);
            }
            after.revision += 1;
            after.updated_at = self.clock.now();
            let audit = self.record(principal, &before, verdict, actions::CHAT_CHANGED);
            match self.store.update_conversation(&after, audit.as_ref()).await {
                Ok(()) => return Ok(after),
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("conversation", &id.to_string()))
    }

    /// Removes it with all its messages, and stops its answer; `conflict` where the project is archived.
    pub async fn delete(
        &self,
        principal: &Principal,
        slug: &str,
        id: ConversationId,
    ) -> Result<()> {
        let (conversation, verdict) = self.open(principal, slug, id, Act::ChangeChat).await?;
        self.access.check_open(slug).await?;
        let audit = self.record(principal, &conversation, verdict, actions::CHAT_DELETED);
        self.store.delete_conversation(id, audit.as_ref()).await?;
        self.running.stop(id);
        Ok(())
    }

    async fn written_down(
        &self,
        principal: &Principal,
        conversation: &Conversation,
        verdict: Verdict,
    ) -> Result<()> {
        match self.record(principal, conversation, verdict, actions::CHAT_READ) {
            Some(record) => self.audit.append(&record).await,
            None => Ok(()),
        }
    }
}

fn check_patch(patch: &ConversationPatch) -> Result<()> {
    let is_title = |title: &String| {
        !title.trim().is_empty()
            && title.chars().count() <= MAX_TITLE_CHARS
            && !title.contains(char::is_control)
    };
    match patch.title.as_ref().is_none_or(is_title) {
        true => Ok(()),
        false => Err(invalid(
            "/title",
            &format!("must be one line of 1 to {MAX_TITLE_CHARS} characters"),
        )),
    }
}
