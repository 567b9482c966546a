//! Prompts in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::PromptId;
use inkstone_domain::ports::PromptStore;
use inkstone_domain::prompt::{Prompt, PromptVersion};

use super::projects::mismatch;
use super::{MemStore, already_exists, not_found, page_of};

#[async_trait]
impl PromptStore for MemStore {
    async fn create_prompt(
        &self,
        prompt: &Prompt,
        version: &PromptVersion,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        let key = (prompt.project.clone(), prompt.name.clone());
        if state.prompts.contains_key(&key) {
            return Err(already_exists("prompt", &prompt.name));
        }
        state.prompts.insert(key, prompt.clone());
        let place = (version.prompt, version.version);
        state.prompt_versions.insert(place, version.clone());
        state.tell_of(ScopedEvent::prompt_written(prompt, version, audit));
        state.append_audit(audit);
        Ok(())
    }

    async fn add_prompt_version(
        &self,
        prompt: &Prompt,
        version: &PromptVersion,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        let key = (prompt.project.clone(), prompt.name.clone());
        let stored = state.prompts.get_mut(&key);
        let stored = stored.ok_or_else(|| not_found("prompt", &prompt.name))?;
        if stored.version + 1 != version.version {
            return Err(mismatch());
        }
        stored.clone_from(prompt);
        let place = (version.prompt, version.version);
        state.prompt_versions.insert(place, version.clone());
        state.tell_of(ScopedEvent::prompt_written(prompt, version, audit));
        state.append_audit(audit);
        Ok(())
    }

    async fn prompt(&self, project: &str, name: &str) -> Result<Option<Prompt>> {
        let key = (project.to_owned(), name.to_owned());
        Ok(self.state().prompts.get(&key).cloned())
    }

    async fn list_prompts(&self, project: &str, page: PageRequest) -> Result<Page<Prompt>> {
        let state = self.state();
        let own = state.prompts.values();
        let mut own: Vec<&Prompt> = own.filter(|prompt| prompt.project == project).collect();
        own.sort_by_key(|prompt| std::cmp::Reverse(prompt.id));
        let keyed = own.into_iter().map(|prompt| (prompt.id, prompt.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn prompt_version(
        &self,
        prompt: PromptId,
        version: u32,
    ) -> Result<Option<PromptVersion>> {
        let place = (prompt, version);
        Ok(self.state().prompt_versions.get(&place).cloned())
    }

    async fn prompt_versions(
        &self,
        prompt: PromptId,
        page: PageRequest,
    ) -> Result<Page<PromptVersion>> {
        let state = self.state();
        let own = state
            .prompt_versions
            .range((prompt, 0)..=(prompt, u32::MAX));
        let newest_first = own
            .rev()
            .map(|((_, number), version)| (*number, version.clone()));
        page_of(newest_first, &page, |cursor| cursor.parse().ok())
    }
}
