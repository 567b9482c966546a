//! Versions of prompts that come from an archive: written elsewhere, by somebody and at some time, and under the
//! rules of who may write prompts here.

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::{PromptId, UserId};
use inkstone_domain::principal::Principal;
use inkstone_domain::prompt::{Prompt, PromptText, PromptVersion};
use serde_json::json;

use super::{Prompts, check, checked, subject};
use crate::policy::Act;
use crate::projects::by_right;

/// A version of an archive.
pub(crate) struct ArrivingVersion {
    pub text: PromptText,
    pub author: UserId,
    pub created_at: DateTime<Utc>,
}

impl Prompts {
    /// That these could be versions of a prompt of this name. For editors of the project.
    pub(crate) async fn check_arrival(
        &self,
        principal: &Principal,
        project: &str,
        name: &str,
        texts: Vec<PromptText>,
    ) -> Result<()> {
        let entered = self
            .access
            .enter_to_change(principal, project, Act::WritePrompt);
        entered.await?;
        check::name(name)?;
        for (number, text) in (1..).zip(texts) {
            let checked = checked(text).await;
            checked
                .map_err(|error| error.context(format!("version {number} of those that come")))?;
        }
        Ok(())
    }

    /// Makes a prompt with a first version that comes from elsewhere. For editors of the project.
    pub(crate) async fn arrive(
        &self,
        principal: &Principal,
        project: &str,
        (id, name): (PromptId, String),
        first: ArrivingVersion,
    ) -> Result<Prompt> {
        check::name(&name)?;
        let created_at = first.created_at.min(self.clock.now());
        let prompt = Prompt {
            id,
            project: project.to_owned(),
            name,
            version: 1,
            created_at,
            updated_at: created_at,
        };
        self.put(principal, prompt, None, first).await
    }

    /// Adds such a version to what was read of the prompt. For the same; `revision_mismatch` where others were
    /// faster.
    pub(crate) async fn follow(
        &self,
        principal: &Principal,
        before: &Prompt,
        next: ArrivingVersion,
    ) -> Result<Prompt> {
        let newest = self.version_of(before, None).await?;
        let created_at = next.created_at.min(self.clock.now());
        let prompt = Prompt {
            version: before.version + 1,
            updated_at: before.updated_at.max(created_at),
            ..before.clone()
        };
        self.put(principal, prompt, Some(&newest.text), next).await
    }

    /// Whether a prompt has this id, of whatever project.
    pub(crate) async fn is_taken(&self, id: PromptId) -> Result<bool> {
        Ok(self.store.prompt_version(id, 1).await?.is_some())
    }

    async fn put(
        &self,
        principal: &Principal,
        prompt: Prompt,
        before: Option<&PromptText>,
        new: ArrivingVersion,
    ) -> Result<Prompt> {
        let entered = self
            .access
            .enter_to_change(principal, &prompt.project, Act::WritePrompt);
        let (_, verdict) = entered.await?;
        let now = self.clock.now();
        let version = PromptVersion {
            prompt: prompt.id,
            version: prompt.version,
            text: checked(new.text).await?,
            author: new.author,
            created_at: new.created_at.min(now),
        };
        let action = match before {
            None => actions::PROMPT_CREATED,
            Some(_) => actions::PROMPT_CHANGED,
        };
        let detail = format!(
            "{}/{} version {}, imported",
            prompt.project, prompt.name, prompt.version
        );
        let before_state = before.map(|text| json!(text));
        let audit = AuditRecord::by(principal, now, action, subject(&prompt))
            .with_detail(detail)
            .with_states(before_state.as_ref(), Some(&json!(version.text)));
        let audit = by_right(audit, verdict);
        let store = &self.store;
        match before {
            None => store.create_prompt(&prompt, &version, &audit).await?,
            Some(_) => store.add_prompt_version(&prompt, &version, &audit).await?,
        }
        Ok(prompt)
    }
}
