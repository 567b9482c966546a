//! Projects and members in memory.

use async_trait::async_trait;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::UserId;
use inkstone_domain::key::EndedKey;
use inkstone_domain::ports::ProjectStore;
use inkstone_domain::project::{Member, Project, ProjectFilter, ProjectRole};
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State, already_exists, not_found, page_of};

impl State {
    fn is_last_owner(&self, slug: &str, user: UserId) -> bool {
        let mut owners = self
            .members
            .values()
            .filter(|member| member.project == slug && member.role == ProjectRole::Owner);
        owners.next().is_some_and(|owner| owner.user == user) && owners.next().is_none()
    }
}

#[async_trait]
impl ProjectStore for MemStore {
    async fn create_project(
        &self,
        project: &Project,
        owner: &Member,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        if state.projects.contains_key(&project.slug) {
            return Err(already_exists("project", &project.slug));
        }
        let key = (owner.project.clone(), owner.user);
        state.members.insert(key, owner.clone());
        state.projects.insert(project.slug.clone(), project.clone());
        state.tell_of(ScopedEvent::project_created(project, owner));
        state.append_audit(audit);
        Ok(())
    }

    async fn update_project(&self, project: &Project, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let stored = state.projects.get_mut(&project.slug);
        let stored = stored.ok_or_else(|| not_found("project", &project.slug))?;
        if stored.revision + 1 != project.revision {
            return Err(mismatch());
        }
        stored.clone_from(project);
        if let Some(told) = ScopedEvent::project_changed(project, audit) {
            state.tell_of(told);
        }
        state.append_audit(audit);
        Ok(())
    }

    async fn project(&self, slug: &str) -> Result<Option<Project>> {
        Ok(self.state().projects.get(slug).cloned())
    }

    async fn list_projects(
        &self,
        filter: &ProjectFilter,
        page: PageRequest,
    ) -> Result<Page<Project>> {
        let state = self.state();
        let is_wanted = |project: &&Project| {
            let slugs = filter.slugs.as_ref();
            slugs.is_none_or(|slugs| slugs.contains(&project.slug))
                && project.archived_at.is_some() == filter.is_archived
        };
        let mut found: Vec<&Project> = state.projects.values().filter(is_wanted).collect();
        found.sort_by_key(|project| std::cmp::Reverse(project.id));
        let keyed = found
            .into_iter()
            .map(|project| (project.id, project.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn member(&self, slug: &str, user: UserId) -> Result<Option<Member>> {
        let key = (slug.to_owned(), user);
        Ok(self.state().members.get(&key).cloned())
    }

    async fn members(&self, slug: &str, page: PageRequest) -> Result<Page<Member>> {
        let state = self.state();
        let own = state.members.values().rev();
        let own = own.filter(|member| member.project == slug);
        let keyed = own.map(|member| (member.user, member.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn put_member(
        &self,
        member: &Member,
        ended: &[EndedKey],
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        if !state.projects.contains_key(&member.project) {
            return Err(not_found("project", &member.project));
        }
        let key = (member.project.clone(), member.user);
        let stored = state.members.get(&key).map_or(0, |stored| stored.revision);
        if stored + 1 != member.revision {
            return Err(mismatch());
        }
        let stays = member.role == ProjectRole::Owner;
        if !stays && state.is_last_owner(&member.project, member.user) {
            return Err(last_owner());
        }
        let was_owner =
            state.members.get(&key).map(|stored| stored.role) == Some(ProjectRole::Owner);
        if was_owner && !stays {
            state.check_ended(member.user, &member.project, ended)?;
        }
        state.members.insert(key, member.clone());
        state.tell_of(ScopedEvent::member_set(member, audit));
        state.append_audit(audit);
        if was_owner && !stays {
            state.end_keys(ended);
        }
        Ok(())
    }

    async fn remove_member(
        &self,
        slug: &str,
        user: UserId,
        revision: u64,
        ended: &[EndedKey],
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        let key = (slug.to_owned(), user);
        match state.members.get(&key) {
            None => return Err(not_found("member", user)),
            Some(stored) if stored.revision != revision => return Err(mismatch()),
            Some(_) => {}
        }
        if state.is_last_owner(slug, user) {
            return Err(last_owner());
        }
        state.check_ended(user, slug, ended)?;
        state.members.remove(&key);
        state.tell_of(ScopedEvent::member_removed(slug, user, audit));
        state.append_audit(audit);
        state.end_keys(ended);
        Ok(())
    }

    async fn roles_of(&self, user: UserId) -> Result<Vec<(String, ProjectRole)>> {
        let state = self.state();
        let own = state.members.values().filter(|member| member.user == user);
        Ok(own
            .map(|member| (member.project.clone(), member.role))
            .collect())
    }
}

pub(super) fn mismatch() -> Error {
    Error::new(&codes::REVISION_MISMATCH, "somebody else was faster")
}

fn last_owner() -> Error {
    Error::new(
        &codes::CONFLICT,
        "a project needs an owner; name another one first",
    )
}
