//! Projects and their members, under the rules of who may see and change them. Every change is written
//! with its entry of the audit log; a project's slug never changes, since things name it by that.

mod check;
mod members;

use std::sync::Arc;

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::ProjectId;
use inkstone_domain::ports::{Clock, ProjectStore, UserStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::{
    DEFAULT_PROJECT, Member, Project, ProjectFilter, ProjectRole, ProjectSettings,
};
use inkstone_domain::{Error, Result, codes};
use serde_json::{Value, json};

use crate::access::Access;
use crate::content::check_page;
use crate::keys::Keys;
use crate::policy::{Act, Verdict, check_open};

/// A project to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewProject {
    pub slug: String,
    /// The slug where `None`.
    pub name: Option<String>,
    pub description: String,
    pub settings: ProjectSettings,
}

/// What to change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectPatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub settings: Option<ProjectSettings>,
    pub is_archived: Option<bool>,
}

/// How often a change that names no revision is tried again when somebody else was faster.
pub(crate) const CHANGE_ATTEMPTS: usize = 8;

/// Reads and changes projects in the name of a principal.
pub struct Projects {
    store: Arc<dyn ProjectStore>,
    users: Arc<dyn UserStore>,
    access: Arc<Access>,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
}

impl Projects {
    pub fn new(
        store: Arc<dyn ProjectStore>,
        users: Arc<dyn UserStore>,
        access: Arc<Access>,
        keys: Arc<Keys>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            users,
            access,
            keys,
            clock,
        }
    }

    /// Makes a project, with the principal as its first owner. Needs the role creator.
    pub async fn create(&self, principal: &Principal, new: NewProject) -> Result<Project> {
        let why = "your role may read only; projects need the role `creator`";
        check_open(principal, Act::CreateProject, why)?;
        let now = self.clock.now();
        let project = Project {
            id: ProjectId::new(),
            name: new
                .name
                .unwrap_or_else(|| new.slug.clone())
                .trim()
                .to_owned(),
            slug: new.slug,
            description: new.description,
            settings: new.settings,
            revision: 1,
            created_at: now,
            updated_at: now,
            archived_at: None,
        };
        check::project(&project)?;
        let owner = Member {
            project: project.slug.clone(),
            user: principal.user,
            role: ProjectRole::Owner,
            revision: 1,
            added_at: now,
            updated_at: now,
        };
        let audit = AuditRecord::by(
            principal,
            now,
            actions::PROJECT_CREATED,
            subject(&project.slug),
        )
        .with_states(None, Some(&state(&project)));
        self.store.create_project(&project, &owner, &audit).await?;
        self.access.forget(principal.user, &project.slug);
        Ok(project)
    }

    /// For members; `not_found` for strangers.
    pub async fn get(&self, principal: &Principal, slug: &str) -> Result<Project> {
        let entered = self.access.enter(principal, slug, Act::SeeProject).await?;
        Ok(entered.0)
    }

    /// Newest first: those one is a member of, and for admins all.
    pub async fn list(
        &self,
        principal: &Principal,
        is_archived: bool,
        page: PageRequest,
    ) -> Result<Page<Project>> {
        check_page(&page)?;
        let slugs = match principal.is_admin() {
            true => None,
            false => {
                let own = self.store.roles_of(principal.user).await?;
                let own = own.into_iter().map(|(slug, _)| slug);
                let mut slugs: Vec<String> = own.collect();
                slugs.push(DEFAULT_PROJECT.to_owned());
                Some(slugs)
            }
        };
        let filter = ProjectFilter { slugs, is_archived };
        self.store.list_projects(&filter, page).await
    }

    /// Changes a project, for its owners. With `expected` the stored revision must be that one, else
    /// `revision_mismatch`. A patch that changes nothing makes no revision.
    pub async fn update(
        &self,
        principal: &Principal,
        slug: &str,
        patch: ProjectPatch,
        expected: Option<u64>,
    ) -> Result<Project> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self
                .access
                .enter(principal, slug, Act::ChangeProject)
                .await?;
            check_revision(&format!("project `{slug}`"), before.revision, expected)?;
            let Some((after, action)) = self.patched(&before, patch.clone())? else {
                return Ok(before);
            };
            let audit = AuditRecord::by(principal, after.updated_at, action, subject(slug))
                .with_states(Some(&state(&before)), Some(&state(&after)));
            let audit = by_right(audit, verdict);
            match self.store.update_project(&after, &audit).await {
                Ok(()) => return Ok(after),
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("project", slug))
    }

    /// Takes a project out of sight: what is in it can be read and no longer be written, and its slug
    /// stays taken. [`ProjectPatch::is_archived`] brings it back.
    pub async fn archive(
        &self,
        principal: &Principal,
        slug: &str,
        expected: Option<u64>,
    ) -> Result<()> {
        let patch = ProjectPatch {
            is_archived: Some(true),
            ..ProjectPatch::default()
        };
        self.update(principal, slug, patch, expected)
            .await
            .map(drop)
    }

    fn patched(
        &self,
        before: &Project,
        patch: ProjectPatch,
    ) -> Result<Option<(Project, &'static str)>> {
        let now = self.clock.now();
        let mut after = before.clone();
        let mut action = actions::PROJECT_CHANGED;
        if let Some(name) = patch.name {
            after.name = name.trim().to_owned();
        }
        if let Some(description) = patch.description {
            after.description = description;
        }
        if let Some(settings) = patch.settings {
            after.settings = settings;
        }
        match (patch.is_archived, before.archived_at) {
            (Some(true), None) => {
                check::may_be_archived(before)?;
                after.archived_at = Some(now);
                action = actions::PROJECT_ARCHIVED;
            }
            (Some(false), Some(_)) => {
                after.archived_at = None;
                action = actions::PROJECT_RESTORED;
            }
            _ => {}
        }
        if after == *before {
            return Ok(None);
        }
        check::project(&after)?;
        after.revision += 1;
        after.updated_at = now;
        Ok(Some((after, action)))
    }
}

/// What the audit log calls a project.
fn subject(slug: &str) -> String {
    format!("project:{slug}")
}

/// What is digested of a project.
fn state(project: &Project) -> Value {
    json!({
        "id": project.id,
        "slug": project.slug,
        "name": project.name,
        "description": project.description,
        "settings": project.settings,
        "archived_at": project.archived_at,
    })
}

/// Says so where the project's own rules would not have allowed it.
pub(crate) fn by_right(audit: AuditRecord, verdict: Verdict) -> AuditRecord {
    match (verdict, audit.detail.clone()) {
        (Verdict::AllowedAsAdmin, Some(detail)) => audit.with_detail(format!("{detail}, as admin")),
        (Verdict::AllowedAsAdmin, None) => audit.with_detail("as admin"),
        _ => audit,
    }
}

/// `revision_mismatch` where somebody else was faster.
pub(crate) fn check_revision(what: &str, stored: u64, expected: Option<u64>) -> Result<()> {
    match expected {
        Some(expected) if expected != stored => Err(Error::new(
            &codes::REVISION_MISMATCH,
            format!(
                "the {what} is at revision {stored}, not {expected}; read it again and repeat the change on it"
            ),
        )),
        _ => Ok(()),
    }
}

/// Somebody else was faster, and the caller named no revision they insist on.
pub(crate) fn retries(error: &Error, expected: Option<u64>) -> bool {
    expected.is_none() && error.code() == &codes::REVISION_MISMATCH
}

pub(crate) fn contended(what: &str, name: &str) -> Error {
    Error::new(
        &codes::REVISION_MISMATCH,
        format!("others keep changing the {what} `{name}`; try again"),
    )
}
