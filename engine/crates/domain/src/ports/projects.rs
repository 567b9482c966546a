//! Where projects and their members are kept. Every change is one transaction with its entry in the
//! audit log.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::UserId;
use crate::key::EndedKey;
use crate::project::{Member, Project, ProjectFilter, ProjectRole};

#[async_trait]
pub trait ProjectStore: Send + Sync {
    /// Stores the project and its first owner. `already_exists` where the slug was ever taken.
    async fn create_project(
        &self,
        project: &Project,
        owner: &Member,
        audit: &AuditRecord,
    ) -> Result<()>;
    /// Replaces the project if the stored revision is `project.revision - 1`, else `revision_mismatch`;
    /// `not_found` where there is none.
    async fn update_project(&self, project: &Project, audit: &AuditRecord) -> Result<()>;
    /// Archived ones, too.
    async fn project(&self, slug: &str) -> Result<Option<Project>>;
    /// Newest first.
    async fn list_projects(
        &self,
        filter: &ProjectFilter,
        page: PageRequest,
    ) -> Result<Page<Project>>;
    async fn member(&self, slug: &str, user: UserId) -> Result<Option<Member>>;
    /// By user, in falling order of their ids.
    async fn members(&self, slug: &str, page: PageRequest) -> Result<Page<Member>>;
    /// Adds or changes a member if the stored revision is `member.revision - 1` (0 for none), else
    /// `revision_mismatch`. `conflict` where the last owner would become something else; `not_found`
    /// where there is no such project. An owner who becomes something else takes all their keys of the
    /// project along: `revision_mismatch` where `ended` are not those, or not as they are stored.
    async fn put_member(
        &self,
        member: &Member,
        ended: &[EndedKey],
        audit: &AuditRecord,
    ) -> Result<()>;
    /// Removes a member if the stored revision is `revision`, else `revision_mismatch`; `conflict` for
    /// the last owner; `not_found` where they are no member. `ended` as in `put_member`.
    async fn remove_member(
        &self,
        slug: &str,
        user: UserId,
        revision: u64,
        ended: &[EndedKey],
        audit: &AuditRecord,
    ) -> Result<()>;
    /// All that somebody is a member of, archived ones too, by slug.
    async fn roles_of(&self, user: UserId) -> Result<Vec<(String, ProjectRole)>>;
}
