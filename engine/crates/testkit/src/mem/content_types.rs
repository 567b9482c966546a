//! Content types in memory.

use async_trait::async_trait;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::ContentType;
use inkstone_domain::ports::ContentTypeStore;
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, already_exists, not_found};

#[async_trait]
impl ContentTypeStore for MemStore {
    async fn create_content_type(&self, new: &ContentType, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.content_types.contains_key(&new.name) {
            return Err(already_exists("content type", &new.name));
        }
        state.content_types.insert(new.name.clone(), new.clone());
        state.append_audit(audit);
        Ok(())
    }

    async fn replace_content_type(&self, next: &ContentType, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let stored = state
            .content_types
            .get_mut(&next.name)
            .ok_or_else(|| not_found("content type", &next.name))?;
        if stored.revision + 1 != next.revision {
            return Err(Error::new(
                &codes::REVISION_MISMATCH,
                format!(
                    "the content type is at revision {} by now; read it again and repeat the change",
                    stored.revision
                ),
            )
            .with_revision(Some(stored.revision)));
        }
        *stored = next.clone();
        state.append_audit(audit);
        Ok(())
    }

    async fn content_type(&self, name: &str) -> Result<Option<ContentType>> {
        Ok(self.state().content_types.get(name).cloned())
    }

    async fn content_types(&self) -> Result<Vec<ContentType>> {
        Ok(self.state().content_types.values().cloned().collect())
    }
}
