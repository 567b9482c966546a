//! Where prompts are kept. Every change is one transaction with its entry in the audit log.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::PromptId;
use crate::prompt::{Prompt, PromptVersion};

#[async_trait]
pub trait PromptStore: Send + Sync {
    /// Stores a prompt and its first version. `already_exists` where the project has one of that name.
    async fn create_prompt(
        &self,
        prompt: &Prompt,
        version: &PromptVersion,
        audit: &AuditRecord,
    ) -> Result<()>;
    /// Adds a version if the newest stored one is `version.version - 1`, else `revision_mismatch`;
    /// `not_found` where there is no such prompt.
    async fn add_prompt_version(
        &self,
        prompt: &Prompt,
        version: &PromptVersion,
        audit: &AuditRecord,
    ) -> Result<()>;
    async fn prompt(&self, project: &str, name: &str) -> Result<Option<Prompt>>;
    /// Newest first.
    async fn list_prompts(&self, project: &str, page: PageRequest) -> Result<Page<Prompt>>;
    async fn prompt_version(&self, prompt: PromptId, version: u32)
    -> Result<Option<PromptVersion>>;
    /// Newest first.
    async fn prompt_versions(
        &self,
        prompt: PromptId,
        page: PageRequest,
    ) -> Result<Page<PromptVersion>>;
}
