//! What concerns somebody: their notifications, and what of it they want to hear. What happens becomes
//! notifications in `notices`, and mails with what is unread are sent in `digests`.

mod digests;
mod notices;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::NotificationId;
use inkstone_domain::notification::{Notification, NotificationFilter, NotificationSettings};
use inkstone_domain::ports::{
    ArticleStore, Clock, CommentStore, JobStore, Mailer, NotificationStore, ProjectStore, UserStore,
};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};

pub use self::notices::Notices;
use crate::access::Access;
use crate::content::check_page;

/// Projects that somebody may mute.
const MAX_MUTED_PROJECTS: usize = 200;
const MAX_SLUG_BYTES: usize = 200;

/// How people are told.
#[derive(Debug, Clone)]
pub struct NotificationsConfig {
    /// How long notifications can be read.
    pub kept: TimeDelta,
    /// How often to look for digests that are due.
    pub poll_interval: Duration,
}

impl Default for NotificationsConfig {
    /// 90 days, half a minute.
    fn default() -> Self {
        Self {
            kept: TimeDelta::days(90),
            poll_interval: Duration::from_secs(30),
        }
    }
}

/// What people are told with.
pub struct NotificationParts {
    pub store: Arc<dyn NotificationStore>,
    pub articles: Arc<dyn ArticleStore>,
    pub comments: Arc<dyn CommentStore>,
    pub jobs: Arc<dyn JobStore>,
    pub projects: Arc<dyn ProjectStore>,
    pub users: Arc<dyn UserStore>,
    pub mailer: Arc<dyn Mailer>,
    pub access: Arc<Access>,
    pub clock: Arc<dyn Clock>,
    pub config: NotificationsConfig,
}

/// Keeps what people are told. Everybody has their own alone: others hear that there is no such thing.
pub struct Notifications {
    parts: NotificationParts,
}

impl Notifications {
    pub fn new(parts: NotificationParts) -> Self {
        Self { parts }
    }

    /// Newest first.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: NotificationFilter,
        page: PageRequest,
    ) -> Result<Page<Notification>> {
        check_page(&page)?;
        let store = &self.parts.store;
        store.list_notifications(principal.user, filter, page).await
    }

    pub async fn get(&self, principal: &Principal, id: NotificationId) -> Result<Notification> {
        let found = self.parts.store.notification(principal.user, id).await?;
        found.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("there is no notification `{id}`"),
            )
        })
    }

    pub async fn unread(&self, principal: &Principal) -> Result<u64> {
        self.parts.store.count_unread(principal.user).await
    }

    /// Notes that it is read, or is not.
    pub async fn mark(
        &self,
        principal: &Principal,
        id: NotificationId,
        is_read: bool,
    ) -> Result<Notification> {
        let read_at = is_read.then(|| self.parts.clock.now());
        let store = &self.parts.store;
        store.mark_notification(principal.user, id, read_at).await
    }

    /// All, or all up to and with `through`: what came after a list was read stays unread. How many.
    pub async fn mark_all_read(
        &self,
        principal: &Principal,
        through: Option<NotificationId>,
    ) -> Result<u64> {
        let now = self.parts.clock.now();
        let store = &self.parts.store;
        store.mark_all_read(principal.user, through, now).await
    }

    /// Those of before the first change are: everything, and no mail.
    pub async fn settings(&self, principal: &Principal) -> Result<NotificationSettings> {
        let user = principal.user;
        let stored = self.parts.store.notification_settings(user).await?;
        Ok(stored.unwrap_or_else(|| NotificationSettings::of(user)))
    }

    /// Replaces them; `wished.revision` does not matter.
    pub async fn set_settings(
        &self,
        principal: &Principal,
        wished: NotificationSettings,
        expected: Option<u64>,
    ) -> Result<NotificationSettings> {
        check(&wished)?;
        let before = self.settings(principal).await?;
        let what = "notification settings";
        crate::projects::check_revision(what, before.revision, expected)?;
        let after = NotificationSettings {
            user: principal.user,
            revision: before.revision,
            ..wished
        };
        if after == before {
            return Ok(before);
        }
        let after = NotificationSettings {
            revision: before.revision + 1,
            ..after
        };
        let digest_at = after
            .digest
            .map(|digest| digest.next(self.parts.clock.now()));
        let store = &self.parts.store;
        store.put_notification_settings(&after, digest_at).await?;
        Ok(after)
    }

    /// Notifications of before are not told any more.
    fn oldest(&self) -> DateTime<Utc> {
        self.parts.clock.now() - self.parts.config.kept
    }
}

fn check(settings: &NotificationSettings) -> Result<()> {
    let mut wrong = Vec::new();
    let mut add = |pointer: &str, detail: String| {
        wrong.push(FieldError {
            pointer: pointer.to_owned(),
            detail,
        });
    };
    let projects = &settings.muted_projects;
    if projects.len() > MAX_MUTED_PROJECTS {
        let detail = format!("must have at most {MAX_MUTED_PROJECTS} projects");
        add("/muted_projects", detail);
    }
    if projects.iter().any(|slug| slug.len() > MAX_SLUG_BYTES) {
        add("/muted_projects", "must be slugs of projects".to_owned());
    }
    if settings.digest.is_some_and(|digest| digest.hour > 23) {
        add("/digest/hour", "must be from 0 to 23".to_owned());
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => {
            let message = "the settings are not valid as given";
            Err(Error::new(&codes::INVALID_INPUT, message).with_fields(wrong))
        }
    }
}
