//! What people say about articles.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::comment::Comment;
use crate::content::{Page, PageRequest};
use crate::ids::{ArticleId, CommentId, UserId};

#[async_trait]
pub trait CommentStore: Send + Sync {
    async fn create_comment(&self, new: &Comment, audit: Option<&AuditRecord>) -> Result<()>;
    /// Replaces it, in the name of `by`, if the stored revision is `next.revision - 1`, else
    /// `revision_mismatch`; `not_found` where there is none.
    async fn update_comment(
        &self,
        next: &Comment,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// With its replies, in the name of `by`. `not_found` where there is none.
    async fn delete_comment(
        &self,
        id: CommentId,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    async fn comment(&self, id: CommentId) -> Result<Option<Comment>>;
    /// Newest first, replies too. Those about an article that is removed for good go with it.
    async fn comments(&self, article: ArticleId, page: PageRequest) -> Result<Page<Comment>>;
}
