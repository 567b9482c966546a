//! From what happens to notifications: whom an event concerns, why, and whether they may hear of it and
//! want to. Telling of one event twice comes to the same as telling of it once, so events may come again.

use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::comment::Comment;
use inkstone_domain::content::{ArticleText, PageRequest, Status};
use inkstone_domain::event::{EventBody, Told};
use inkstone_domain::ids::{ArticleId, CommentId, JobId, NotificationId, UserId};
use inkstone_domain::notification::{About, Notification, NotificationKind, NotificationSettings};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::ProjectRole;

use super::{NotificationParts, Notifications};
use crate::events::{EventHandler, may_hear};
use crate::media::MediaVariants;

const MEMBERS_AT_ONCE: usize = 100;

/// The handler `notifications`.
pub struct Notices(pub Arc<Notifications>);

/// Whom an event concerns and why, each once: the first reason counts. In the names of those who did it.
struct Concerned {
    actor: UserId,
    about: About,
    people: Vec<(UserId, NotificationKind)>,
}

#[async_trait]
impl EventHandler for Notices {
    fn name(&self) -> &str {
        "notifications"
    }

    async fn handle(&self, told: &[Arc<Told>]) -> Result<()> {
        let oldest = self.0.oldest();
        let mut notifications = Vec::new();
        for told in told.iter().filter(|told| told.event.at >= oldest) {
            if let Some(concerned) = concerned(&self.0.parts, told).await? {
                notifications.extend(self.0.wanted(told, concerned).await?);
            }
        }
        match notifications.is_empty() {
            true => Ok(()),
            false => self.0.parts.store.put_notifications(&notifications).await,
        }
    }
}

impl Notifications {
    /// Tells somebody of these, as far as they want to hear of them.
    pub(crate) async fn tell(
        &self,
        user: UserId,
        mut notifications: Vec<Notification>,
    ) -> Result<()> {
        if notifications.is_empty() {
            return Ok(());
        }
        let settings = self.parts.store.notification_settings(user).await?;
        let mutes = |one: &Notification| {
            let settings = settings.as_ref();
            settings.is_some_and(|settings| settings.mutes(one.kind, one.project.as_deref()))
        };
        notifications.retain(|one| !mutes(one));
        self.parts.store.put_notifications(&notifications).await
    }

    /// What is left of it for those who may hear of it and want to.
    async fn wanted(&self, told: &Told, concerned: Concerned) -> Result<Vec<Notification>> {
        let Concerned {
            actor,
            about,
            people,
        } = concerned;
        let users: Vec<UserId> = people.iter().map(|(user, _)| *user).collect();
        let settings = match users.is_empty() {
            true => Vec::new(),
            false => self.parts.store.notification_settings_of(&users).await?,
        };
        let project = told.scope.project.as_deref();
        let is_muted = |user: UserId, kind: NotificationKind| {
            let mut all = settings.iter();
            let own = all.find(|own: &&NotificationSettings| own.user == user);
            own.is_some_and(|own| own.mutes(kind, project))
        };
        let mut wanted = Vec::new();
        for (user, kind) in people {
            if is_muted(user, kind) || !self.may_hear(user, told).await? {
                continue;
            }
            wanted.push(Notification {
                id: NotificationId::new(),
                user,
                kind,
                event: told.event.id,
                actor,
                project: told.scope.project.clone(),
                about,
                created_at: told.event.at,
                read_at: None,
            });
        }
        Ok(wanted)
    }

    async fn may_hear(&self, user: UserId, told: &Told) -> Result<bool> {
        let Some(principal) = self.listener(user).await? else {
            return Ok(false);
        };
        may_hear(&self.parts.access, &principal, told).await
    }

    /// Somebody as whom they hear of things; nobody where they are gone or shut out.
    pub(crate) async fn listener(&self, user: UserId) -> Result<Option<Principal>> {
        let found = self.parts.users.user(user).await?;
        let found = found.filter(|user| user.disabled_at.is_none());
        Ok(found.map(|user| Principal::of(user.id, user.role)))
    }
}

impl Concerned {
    fn by(actor: UserId, about: About) -> Self {
        Self {
            actor,
            about,
            people: Vec::new(),
        }
    }

    /// Nobody is told what they did themselves.
    fn add(&mut self, user: UserId, kind: NotificationKind) {
        if user != self.actor {
            self.add_even_who_did_it(user, kind);
        }
    }

    fn add_even_who_did_it(&mut self, user: UserId, kind: NotificationKind) {
        if self.people.iter().all(|(other, _)| *other != user) {
            self.people.push((user, kind));
        }
    }
}

async fn concerned(parts: &NotificationParts, told: &Told) -> Result<Option<Concerned>> {
    match &told.event.body {
        EventBody::CommentWritten { comment, .. } => of_comment(parts, told, *comment, true).await,
        EventBody::CommentChanged { comment, .. } => of_comment(parts, told, *comment, false).await,
        EventBody::ArticleCreated { article, .. } | EventBody::ArticleUpdated { article, .. } => {
            of_article(parts, told, *article).await
        }
        EventBody::JobSucceeded { job, article } => {
            let kind = NotificationKind::JobSucceeded;
            of_job(parts, told, *job, *article, kind).await
        }
        EventBody::JobFailed { job, .. } => {
            of_job(parts, told, *job, None, NotificationKind::JobFailed).await
        }
        EventBody::WebhookDisabled { webhook } => {
            let about = About {
                webhook: Some(*webhook),
                ..About::default()
            };
            Ok(Some(stopped(
                told,
                about,
                NotificationKind::WebhookDisabled,
            )))
        }
        EventBody::ScheduleRefused { schedule, .. } => {
            let about = About {
                schedule: Some(*schedule),
                ..About::default()
            };
            Ok(Some(stopped(told, about, NotificationKind::SchedulePaused)))
        }
        _ => Ok(None),
    }
}

/// What the engine does no more: its owner, in whose name the event is.
fn stopped(told: &Told, about: About, kind: NotificationKind) -> Concerned {
    let mut concerned = Concerned::by(told.event.actor, about);
    if let Some(owner) = told.scope.owner {
        concerned.add_even_who_did_it(owner, kind);
    }
    concerned
}

/// Those whom it names; where it is new, also who began the thread and whose article it is about.
async fn of_comment(
    parts: &NotificationParts,
    told: &Told,
    id: CommentId,
    is_new: bool,
) -> Result<Option<Concerned>> {
    let Some(comment) = parts.comments.comment(id).await? else {
        return Ok(None);
    };
    let Comment {
        author,
        article,
        mentions,
        reply_to,
        updated_at,
        ..
    } = comment;
    // It came with an import: those it concerned have heard of it where it was written.
    if updated_at < told.event.at {
        return Ok(None);
    }
    let about = About {
        article: Some(article),
        comment: Some(id),
        ..About::default()
    };
    let mut concerned = Concerned::by(author, about);
    for user in mentions {
        concerned.add(user, NotificationKind::CommentMentioned);
    }
    if !is_new {
        return Ok(Some(concerned));
    }
    if let Some(first) = reply_to
        && let Some(first) = parts.comments.comment(first).await?
    {
        concerned.add(first.author, NotificationKind::CommentReplied);
    }
    if let Some(owner) = told.scope.owner {
        concerned.add(owner, NotificationKind::CommentWritten);
    }
    Ok(Some(concerned))
}

/// What a revision did to the status of its article.
async fn of_article(
    parts: &NotificationParts,
    told: &Told,
    id: ArticleId,
) -> Result<Option<Concerned>> {
    let change = match &told.event.body {
        EventBody::ArticleCreated {
            status: Some(status),
            ..
        } => Some((Status::Draft, *status)),
        EventBody::ArticleUpdated {
            status: Some(status),
            was,
            ..
        } => was.map(|was| (was, *status)),
        EventBody::ArticleCreated { revision, .. } | EventBody::ArticleUpdated { revision, .. } => {
            change_of(parts, id, *revision).await?
        }
        _ => None,
    };
    let Some((before, after)) = change.filter(|(before, after)| before != after) else {
        return Ok(None);
    };
    let about = About {
        article: Some(id),
        ..About::default()
    };
    let actor = told.event.actor;
    let mut concerned = Concerned::by(actor, about);
    match (before, after) {
        (_, Status::InReview) => {
            for reviewer in reviewers(parts, told).await? {
                concerned.add(reviewer, NotificationKind::ReviewAsked);
            }
        }
        (Status::InReview, _) => {
            if let Some(owner) = told.scope.owner {
                concerned.add(owner, NotificationKind::ReviewDecided);
            }
        }
        (Status::Scheduled, Status::Published) => {
            if let Some(owner) = told.scope.owner {
                concerned.add_even_who_did_it(owner, NotificationKind::ArticlePublished);
            }
        }
        (_, Status::Published) => {
            if let Some(owner) = told.scope.owner {
                concerned.add(owner, NotificationKind::ArticlePublished);
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(concerned))
}

/// The status before and after a revision, where its event does not tell: such as were told before events did.
async fn change_of(
    parts: &NotificationParts,
    id: ArticleId,
    revision: u64,
) -> Result<Option<(Status, Status)>> {
    let after = status_of(parts, id, revision).await?;
    let before = match revision {
        0 | 1 => Some(Status::Draft),
        _ => status_of(parts, id, revision - 1).await?,
    };
    Ok(before.zip(after))
}

/// `None` where the revision is gone.
async fn status_of(
    parts: &NotificationParts,
    id: ArticleId,
    revision: u64,
) -> Result<Option<Status>> {
    let found = parts.articles.revision(id, revision).await?;
    Ok(found.map(|revision| {
        let ArticleText { status, .. } = revision.text;
        status
    }))
}

/// Those of the project who may decide.
async fn reviewers(parts: &NotificationParts, told: &Told) -> Result<Vec<UserId>> {
    let Some(project) = told.scope.project.as_deref() else {
        return Ok(Vec::new());
    };
    let mut reviewers = Vec::new();
    let mut page = PageRequest {
        limit: MEMBERS_AT_ONCE,
        cursor: None,
    };
    loop {
        let members = parts.projects.members(project, page.clone()).await?;
        let able = members.items.iter();
        let able = able.filter(|member| member.role >= ProjectRole::Reviewer);
        reviewers.extend(able.map(|member| member.user));
        match members.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(reviewers),
        }
    }
}

/// Whose job it is. The end of what nobody asked for by itself, such as smaller pictures, is no news unless
/// it failed.
async fn of_job(
    parts: &NotificationParts,
    told: &Told,
    id: JobId,
    article: Option<ArticleId>,
    kind: NotificationKind,
) -> Result<Option<Concerned>> {
    let Some(job) = parts.jobs.job(id).await? else {
        return Ok(None);
    };
    if kind == NotificationKind::JobSucceeded && job.task.kind() == MediaVariants::KIND {
        return Ok(None);
    }
    let about = About {
        job: Some(id),
        article,
        ..About::default()
    };
    let mut concerned = Concerned::by(told.event.actor, about);
    concerned.add_even_who_did_it(job.owner, kind);
    Ok(Some(concerned))
}
