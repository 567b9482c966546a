//! Who is what in which project. Every call on a thing in a project asks, so what was read is kept for a
//! few seconds: changes through this engine hold at once, those through others when they are heard of, or then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{Clock, EngineBus, News, ProjectStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::{DEFAULT_PROJECT, Project, ProjectRole};
use inkstone_domain::{Error, Result, codes};
use quick_cache::sync::Cache;

use crate::audit::Audit;
use crate::policy::{self, Act, Standing, Verdict};

/// Roles that are kept; a pair of user and project is about a hundred bytes.
const KEPT_ROLES: usize = 10_000;
/// How long a role that another engine changed may still hold here.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(5);

/// Knows the roles.
pub struct Access {
    store: Arc<dyn ProjectStore>,
    audit: Audit,
    bus: Arc<dyn EngineBus>,
    clock: Arc<dyn Clock>,
    known: Cache<(UserId, Box<str>), Known>,
    /// Rises with every change, so that what was read before one is not kept after it.
    changes: AtomicU64,
}

#[derive(Clone, Copy)]
struct Known {
    role: Option<ProjectRole>,
    read_at: DateTime<Utc>,
}

impl Access {
    pub fn new(
        store: Arc<dyn ProjectStore>,
        audit: Audit,
        bus: Arc<dyn EngineBus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            audit,
            bus,
            clock,
            known: Cache::new(KEPT_ROLES),
            changes: AtomicU64::new(0),
        }
    }

    /// Where acts are written down that have no transaction of their own.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What somebody is in a project; `None` for strangers, and where there is no such project. In
    /// `default` every creator is an editor, and everybody else a viewer, unless they are more.
    pub async fn role(&self, principal: &Principal, slug: &str) -> Result<Option<ProjectRole>> {
        let stored = self.stored_role(principal.user, slug).await?;
        if slug != DEFAULT_PROJECT {
            return Ok(stored);
        }
        let implied = match principal.can_create() {
            true => ProjectRole::Editor,
            false => ProjectRole::Viewer,
        };
        Ok(stored.max(Some(implied)))
    }

    /// The projects of which somebody is a member; what is in `default` is its owner's alone.
    pub async fn projects_of(&self, principal: &Principal) -> Result<Vec<String>> {
        let roles = self.store.roles_of(principal.user).await?;
        let slugs = roles.into_iter().map(|(slug, _)| slug);
        Ok(slugs.filter(|slug| slug != DEFAULT_PROJECT).collect())
    }

    /// What somebody is to a thing in a project.
    pub async fn standing(
        &self,
        principal: &Principal,
        slug: &str,
        owns: bool,
    ) -> Result<Standing> {
        let role = self.role(principal, slug).await?;
        Ok(Standing::in_project(principal, owns, role))
    }

    /// The project, for who may do this to something in it that is theirs; `not_found` for strangers.
    pub async fn enter(
        &self,
        principal: &Principal,
        slug: &str,
        act: Act,
    ) -> Result<(Project, Verdict)> {
        let standing = self.standing(principal, slug, true).await?;
        let why = "your role in the project does not allow this; its owners can change that";
        let verdict = policy::check(standing, act, why, || not_found(slug))?;
        let project = self.store.project(slug).await?;
        Ok((project.ok_or_else(|| not_found(slug))?, verdict))
    }

    /// The same for a change: `conflict` where the project is archived.
    pub async fn enter_to_change(
        &self,
        principal: &Principal,
        slug: &str,
        act: Act,
    ) -> Result<(Project, Verdict)> {
        let (project, verdict) = self.enter(principal, slug, act).await?;
        check_not_archived(&project)?;
        Ok((project, verdict))
    }

    /// For a change of a thing that the principal may see, the project of it, if it still is there;
    /// `conflict` where it is archived.
    pub async fn open_project(&self, slug: &str) -> Result<Option<Project>> {
        let project = self.store.project(slug).await?;
        if let Some(project) = &project {
            check_not_archived(project)?;
        }
        Ok(project)
    }

    /// The same where nothing of the project matters.
    pub async fn check_open(&self, slug: &str) -> Result<()> {
        self.open_project(slug).await.map(drop)
    }

    /// The same for what leaves nothing in the project that would be written down by itself, such as
    /// spending tokens: an admin who is no member is written down here.
    pub async fn enter_to_spend(
        &self,
        principal: &Principal,
        slug: &str,
        act: Act,
    ) -> Result<Project> {
        let (project, verdict) = self.enter_to_change(principal, slug, act).await?;
        if verdict == Verdict::AllowedAsAdmin {
            let (now, subject) = (self.clock.now(), format!("project:{slug}"));
            let record = AuditRecord::by(principal, now, actions::PROJECT_ENTERED, subject);
            self.audit.append(&record).await?;
        }
        Ok(project)
    }

    /// Forgets what somebody is in a project, here and elsewhere. Call it after every change.
    pub fn forget(&self, user: UserId, slug: &str) {
        self.forget_here(user, slug);
        let project = slug.to_owned();
        self.bus.tell(News::Member { user, project });
    }

    /// Another engine has changed everything, as far as anybody knows.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.clear();
    }

    pub(crate) fn forget_here(&self, user: UserId, slug: &str) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.remove(&(user, Box::from(slug)));
    }

    async fn stored_role(&self, user: UserId, slug: &str) -> Result<Option<ProjectRole>> {
        let key = (user, Box::from(slug));
        let now = self.clock.now();
        if let Some(known) = self.known.get(&key)
            && now - known.read_at < KEPT_FOR
        {
            return Ok(known.role);
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let member = self.store.member(slug, user).await?;
        let role = member.map(|member| member.role);
        if self.changes.load(Ordering::SeqCst) == changes {
            self.known.insert(key.clone(), Known { role, read_at: now });
        }
        // Whoever changed it between the look above and the insertion has found nothing to remove.
        if self.changes.load(Ordering::SeqCst) != changes {
            self.known.remove(&key);
        }
        Ok(role)
    }
}

fn check_not_archived(project: &Project) -> Result<()> {
    match project.archived_at {
        None => Ok(()),
        Some(_) => Err(Error::new(
            &codes::CONFLICT,
            format!(
                "the project `{}` is archived; an owner can restore it",
                project.slug
            ),
        )),
    }
}

/// Said for what does not exist and for what must not be seen alike.
pub(crate) fn not_found(slug: &str) -> Error {
    Error::new(
        &codes::NOT_FOUND,
        format!("there is no project `{slug}`; `GET /v1/projects` lists yours"),
    )
}
