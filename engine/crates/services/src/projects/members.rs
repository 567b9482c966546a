//! Who is in a project: seen by all members, changed by owners. Everybody may leave, but for the last
//! owner.

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::UserId;
use inkstone_domain::key::EndedKey;
use inkstone_domain::principal::Principal;
use inkstone_domain::project::{Member, ProjectRole};
use inkstone_domain::{Error, Result, codes};
use serde_json::{Value, json};

use super::{CHANGE_ATTEMPTS, Projects, by_right, check_revision, contended, subject};
use crate::content::check_page;
use crate::policy::Act;

impl Projects {
    /// By user. For members.
    pub async fn members(
        &self,
        principal: &Principal,
        slug: &str,
        page: PageRequest,
    ) -> Result<Page<Member>> {
        check_page(&page)?;
        self.access.enter(principal, slug, Act::SeeProject).await?;
        self.store.members(slug, page).await
    }

    /// One of them; `not_found` where they are no member. For members.
    pub async fn member(&self, principal: &Principal, slug: &str, user: UserId) -> Result<Member> {
        self.access.enter(principal, slug, Act::SeeProject).await?;
        let member = self.store.member(slug, user).await?;
        member.ok_or_else(|| no_member(slug, user))
    }

    /// Makes somebody a member, or a member something else, for owners; the keys of the project that an owner
    /// has end when they become something else. With `expected` the stored revision must be that one. Returns whether they are new here.
    pub async fn set_member(
        &self,
        principal: &Principal,
        slug: &str,
        user: UserId,
        role: ProjectRole,
        expected: Option<u64>,
    ) -> Result<(Member, bool)> {
        let entered = self
            .access
            .enter_to_change(principal, slug, Act::SetMember)
            .await?;
        if self.users.user(user).await?.is_none() {
            return Err(Error::new(
                &codes::NOT_FOUND,
                format!("there is no user `{user}`"),
            ));
        }
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self.store.member(slug, user).await?;
            let stored = before.as_ref().map_or(0, |member| member.revision);
            check_revision(&format!("member `{user}`"), stored, expected)?;
            if let Some(member) = before.as_ref().filter(|member| member.role == role) {
                return Ok((member.clone(), false));
            }
            let now = self.clock.now();
            let member = Member {
                project: slug.to_owned(),
                user,
                role,
                revision: stored + 1,
                added_at: before.as_ref().map_or(now, |member| member.added_at),
                updated_at: now,
            };
            let was = before
                .as_ref()
                .map_or("none", |member| member.role.as_str());
            let audit = AuditRecord::by(principal, now, actions::MEMBER_SET, subject(slug))
                .with_detail(format!("{user}: {was} → {}", role.as_str()))
                .with_states(before.as_ref().map(state).as_ref(), Some(&state(&member)));
            let audit = by_right(audit, entered.1);
            let was_owner = before.as_ref().map(|member| member.role) == Some(ProjectRole::Owner);
            let ended = match was_owner {
                true => self.keys.ended(principal, user, slug).await?,
                false => Vec::new(),
            };
            let written = self.store.put_member(&member, &ended, &audit).await;
            self.access.forget(user, slug);
            match written {
                Ok(()) => {
                    self.end(&ended).await?;
                    return Ok((member, before.is_none()));
                }
                Err(error) if error.code() == &codes::REVISION_MISMATCH => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("member", &user.to_string()))
    }

    /// Takes somebody out of a project with the keys they have there, for owners; and everybody may leave.
    /// `conflict` for the last owner.
    pub async fn remove_member(
        &self,
        principal: &Principal,
        slug: &str,
        user: UserId,
        expected: Option<u64>,
    ) -> Result<()> {
        let act = match user == principal.user {
            true => Act::LeaveProject,
            false => Act::SetMember,
        };
        let entered = self.access.enter(principal, slug, act).await?;
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self.store.member(slug, user).await?;
            let before = before.ok_or_else(|| no_member(slug, user))?;
            check_revision(&format!("member `{user}`"), before.revision, expected)?;
            let now = self.clock.now();
            let audit = AuditRecord::by(principal, now, actions::MEMBER_REMOVED, subject(slug))
                .with_detail(format!("{user}: {} → none", before.role.as_str()))
                .with_states(Some(&state(&before)), None);
            let audit = by_right(audit, entered.1);
            let ended = self.keys.ended(principal, user, slug).await?;
            let written = self
                .store
                .remove_member(slug, user, before.revision, &ended, &audit)
                .await;
            self.access.forget(user, slug);
            match written {
                Ok(()) => return self.end(&ended).await,
                Err(error) if error.code() == &codes::REVISION_MISMATCH => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("member", &user.to_string()))
    }

    /// Keys ended in the store; they do so here and elsewhere.
    async fn end(&self, ended: &[EndedKey]) -> Result<()> {
        match ended.is_empty() {
            true => Ok(()),
            false => self.keys.owner_changed().await,
        }
    }
}

fn no_member(slug: &str, user: UserId) -> Error {
    Error::new(
        &codes::NOT_FOUND,
        format!("`{user}` is no member of the project `{slug}`"),
    )
}

/// What is digested of a member.
fn state(member: &Member) -> Value {
    json!({
        "project": member.project,
        "user": member.user,
        "role": member.role,
    })
}
