//! Kinds of articles, and the schemas of their fields.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::ContentType;

#[async_trait]
pub trait ContentTypeStore: Send + Sync {
    /// With its entry in the audit log. `already_exists` where the name is taken.
    async fn create_content_type(&self, new: &ContentType, audit: &AuditRecord) -> Result<()>;
    /// Replaces it if the stored revision is `revision - 1`, else `revision_mismatch`; `not_found` where
    /// there is none of the name.
    async fn replace_content_type(&self, next: &ContentType, audit: &AuditRecord) -> Result<()>;
    async fn content_type(&self, name: &str) -> Result<Option<ContentType>>;
    /// All, by name.
    async fn content_types(&self) -> Result<Vec<ContentType>>;
}
