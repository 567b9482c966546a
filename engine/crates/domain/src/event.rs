//! What happened, written in the transaction of the change it tells of. The catalogue of what can happen
//! stands here; what may be told of it to whom is the business of services. Events name things and never
//! hold their content.

mod catalogue;
mod comments;
mod notes;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::catalogue::{EventKind, Thing};
use crate::audit::AuditRecord;
use crate::content::{Article, Status};
use crate::conversation::{Conversation, ConversationMessage, Speaker};
use crate::ids::{
    ArticleId, BatchId, CommentId, ConversationId, EventId, JobId, MediaId, MessageId, NoteId,
    PromptId, ScheduleId, UserId, WebhookId,
};
use crate::job::{BatchCounts, Job, JobBatch, Task};
use crate::media::Media;
use crate::project::{Member, Project, ProjectRole};
use crate::prompt::{Prompt, PromptVersion};
use crate::webhook::Webhook;

/// Of the words below. It rises where what stands there changes its meaning, not where more is told.
pub const EVENT_VERSION: u32 = 1;

/// What happened. As JSON `{"type": "article.created", "data": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum EventBody {
    #[serde(rename = "article.created")]
    ArticleCreated {
        article: ArticleId,
        revision: u64,
        /// Nobody knows it of articles of before this was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Status>,
    },
    #[serde(rename = "article.updated")]
    ArticleUpdated {
        article: ArticleId,
        revision: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Status>,
        /// The status before, where the change is one of status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<Status>,
    },
    #[serde(rename = "article.deleted")]
    ArticleDeleted { article: ArticleId, revision: u64 },
    /// It is back from the trash.
    #[serde(rename = "article.restored")]
    ArticleRestored {
        article: ArticleId,
        revision: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Status>,
    },
    /// It is gone for good, with its revisions.
    #[serde(rename = "article.removed")]
    ArticleRemoved { article: ArticleId, revision: u64 },
    #[serde(rename = "comment.written")]
    CommentWritten {
        comment: CommentId,
        article: ArticleId,
        revision: u64,
    },
    /// Also where it was settled, accepted or rejected.
    #[serde(rename = "comment.changed")]
    CommentChanged {
        comment: CommentId,
        article: ArticleId,
        revision: u64,
    },
    /// With its replies.
    #[serde(rename = "comment.deleted")]
    CommentDeleted {
        comment: CommentId,
        article: ArticleId,
    },
    #[serde(rename = "project.created")]
    ProjectCreated { project: String, revision: u64 },
    #[serde(rename = "project.changed")]
    ProjectChanged {
        project: String,
        revision: u64,
        is_archived: bool,
    },
    /// Somebody is a member, or has another role.
    #[serde(rename = "member.set")]
    MemberSet {
        project: String,
        user: UserId,
        role: ProjectRole,
        revision: u64,
    },
    #[serde(rename = "member.removed")]
    MemberRemoved { project: String, user: UserId },
    #[serde(rename = "prompt.created")]
    PromptCreated {
        prompt: PromptId,
        name: String,
        version: u32,
    },
    /// It has a new version.
    #[serde(rename = "prompt.changed")]
    PromptChanged {
        prompt: PromptId,
        name: String,
        version: u32,
    },
    #[serde(rename = "note.created")]
    NoteCreated { note: NoteId, revision: u64 },
    #[serde(rename = "note.changed")]
    NoteChanged { note: NoteId, revision: u64 },
    #[serde(rename = "note.deleted")]
    NoteDeleted { note: NoteId },
    #[serde(rename = "chat.created")]
    ChatCreated { chat: ConversationId, revision: u64 },
    #[serde(rename = "chat.changed")]
    ChatChanged { chat: ConversationId, revision: u64 },
    #[serde(rename = "chat.message")]
    ChatMessage {
        chat: ConversationId,
        message: MessageId,
        speaker: Speaker,
    },
    #[serde(rename = "chat.deleted")]
    ChatDeleted { chat: ConversationId },
    #[serde(rename = "media.created")]
    MediaCreated { media: MediaId, revision: u64 },
    /// Another name or text, a new version, into the trash or out of it.
    #[serde(rename = "media.changed")]
    MediaChanged {
        media: MediaId,
        revision: u64,
        version: u32,
        is_trashed: bool,
    },
    /// It is gone for good, with its versions.
    #[serde(rename = "media.removed")]
    MediaRemoved { media: MediaId },
    #[serde(rename = "job.queued")]
    JobQueued { job: JobId, kind: String },
    #[serde(rename = "job.succeeded")]
    JobSucceeded {
        job: JobId,
        /// What it made, where that is an article.
        article: Option<ArticleId>,
    },
    /// Also where it died of a fault that did not pass.
    #[serde(rename = "job.failed")]
    JobFailed { job: JobId, code: String },
    #[serde(rename = "job.cancelled")]
    JobCancelled { job: JobId },
    /// It had failed, died or been cancelled, and is in the queue once more.
    #[serde(rename = "job.requeued")]
    JobRequeued { job: JobId },
    /// The last of its jobs has ended.
    #[serde(rename = "batch.ended")]
    BatchEnded { batch: BatchId, counts: BatchCounts },
    #[serde(rename = "schedule.created")]
    ScheduleCreated { schedule: ScheduleId, revision: u64 },
    /// Also where it was paused, or goes on.
    #[serde(rename = "schedule.changed")]
    ScheduleChanged {
        schedule: ScheduleId,
        revision: u64,
        is_paused: bool,
    },
    #[serde(rename = "schedule.removed")]
    ScheduleRemoved { schedule: ScheduleId },
    /// Its time has come, or somebody asked for it.
    #[serde(rename = "schedule.ran")]
    ScheduleRan { schedule: ScheduleId, job: JobId },
    /// Its time has come and its job could not be queued: it is paused.
    #[serde(rename = "schedule.refused")]
    ScheduleRefused { schedule: ScheduleId, code: String },
    /// It is told nothing more, because nothing reached it.
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled { webhook: WebhookId },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    pub at: DateTime<Utc>,
    /// Who caused it; where the engine did, whose thing it is.
    pub actor: UserId,
    pub body: EventBody,
}

/// Where what an event tells of is, and whose. What nobody knows any more is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Slug of the project.
    pub project: Option<String>,
    pub owner: Option<UserId>,
}

/// An event that is written, with its scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedEvent {
    pub event: Event,
    pub scope: Scope,
}

/// An event in its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// 1, 2, 3 … without gaps, given after the change was committed: whoever has seen a number has seen
    /// all that are lower, and those of one thing rise in the order of its changes.
    pub number: u64,
    pub event: Event,
    pub scope: Scope,
}

/// The thing an event tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Aggregate {
    pub kind: &'static str,
    /// Its id; of projects the slug, of members `slug/usr_…`.
    pub id: String,
    /// As the change left it, where the thing has revisions.
    pub revision: Option<u64>,
}

/// An event as it leaves the engine: in feeds and webhooks.
#[derive(Debug, Clone, Serialize)]
pub struct Notice<'a> {
    pub id: EventId,
    /// [`EVENT_VERSION`].
    pub v: u32,
    pub at: DateTime<Utc>,
    pub actor: UserId,
    pub project: Option<&'a str>,
    pub aggregate: Aggregate,
    #[serde(flatten)]
    pub body: &'a EventBody,
}

impl EventBody {
    pub fn article_created(article: &Article) -> Self {
        Self::ArticleCreated {
            article: article.id,
            revision: article.revision,
            status: Some(article.text.status),
        }
    }

    /// `was` is its status before the change.
    pub fn article_updated(article: &Article, was: Status) -> Self {
        let status = article.text.status;
        Self::ArticleUpdated {
            article: article.id,
            revision: article.revision,
            status: Some(status),
            was: (was != status).then_some(was),
        }
    }

    pub fn article_restored(article: &Article) -> Self {
        Self::ArticleRestored {
            article: article.id,
            revision: article.revision,
            status: Some(article.text.status),
        }
    }
}

impl Event {
    /// A new one.
    pub fn new(at: DateTime<Utc>, actor: UserId, body: EventBody) -> Self {
        Self {
            id: EventId::new(),
            at,
            actor,
            body,
        }
    }

    pub fn within(self, scope: Scope) -> ScopedEvent {
        ScopedEvent { event: self, scope }
    }
}

impl Told {
    pub fn notice(&self) -> Notice<'_> {
        let Self { event, scope, .. } = self;
        Notice {
            id: event.id,
            v: EVENT_VERSION,
            at: event.at,
            actor: event.actor,
            project: scope.project.as_deref(),
            aggregate: event.body.aggregate(),
            body: &event.body,
        }
    }
}

impl Scope {
    pub fn of_project(slug: &str) -> Self {
        Self {
            project: Some(slug.to_owned()),
            owner: None,
        }
    }

    pub fn of_article(article: &Article) -> Self {
        Self::owned(&article.project, article.owner)
    }

    pub fn of_task(task: &Task, owner: UserId) -> Self {
        Self::owned(task.project(), owner)
    }

    pub fn of_job(job: &Job) -> Self {
        Self::of_task(&job.task, job.owner)
    }

    fn owned(project: &str, owner: UserId) -> Self {
        Self {
            project: Some(project.to_owned()),
            owner: Some(owner),
        }
    }
}

/// What the stores tell of the changes they make: the same words in each of them.
impl EventBody {
    pub fn media_created(media: &Media) -> Self {
        Self::MediaCreated {
            media: media.id,
            revision: media.revision,
        }
    }

    pub fn media_changed(media: &Media) -> Self {
        Self::MediaChanged {
            media: media.id,
            revision: media.revision,
            version: media.newest.version,
            is_trashed: media.trashed_at.is_some(),
        }
    }
}

impl ScopedEvent {
    pub fn project_created(project: &Project, owner: &Member) -> Self {
        let body = EventBody::ProjectCreated {
            project: project.slug.clone(),
            revision: project.revision,
        };
        Event::new(project.created_at, owner.user, body).within(Scope::of_project(&project.slug))
    }

    /// `None` where the engine did it.
    pub fn project_changed(project: &Project, audit: &AuditRecord) -> Option<Self> {
        let body = EventBody::ProjectChanged {
            project: project.slug.clone(),
            revision: project.revision,
            is_archived: project.archived_at.is_some(),
        };
        let event = Event::new(audit.at, audit.actor?, body);
        Some(event.within(Scope::of_project(&project.slug)))
    }

    pub fn member_set(member: &Member, audit: &AuditRecord) -> Self {
        let body = EventBody::MemberSet {
            project: member.project.clone(),
            user: member.user,
            role: member.role,
            revision: member.revision,
        };
        let actor = audit.actor.unwrap_or(member.user);
        Event::new(audit.at, actor, body).within(Scope::of_project(&member.project))
    }

    pub fn member_removed(slug: &str, user: UserId, audit: &AuditRecord) -> Self {
        let body = EventBody::MemberRemoved {
            project: slug.to_owned(),
            user,
        };
        let actor = audit.actor.unwrap_or(user);
        Event::new(audit.at, actor, body).within(Scope::of_project(slug))
    }

    /// Of its newest version. One that comes from elsewhere was written before it is told of, and perhaps by others.
    pub fn prompt_written(prompt: &Prompt, version: &PromptVersion, audit: &AuditRecord) -> Self {
        let actor = audit.actor.unwrap_or(version.author);
        let (id, name, version) = (prompt.id, prompt.name.clone(), prompt.version);
        let body = match version {
            1 => EventBody::PromptCreated {
                prompt: id,
                name,
                version,
            },
            _ => EventBody::PromptChanged {
                prompt: id,
                name,
                version,
            },
        };
        Event::new(audit.at, actor, body).within(Scope::of_project(&prompt.project))
    }

    pub fn chat_created(chat: &Conversation) -> Self {
        let body = EventBody::ChatCreated {
            chat: chat.id,
            revision: chat.revision,
        };
        Event::new(chat.created_at, chat.owner, body).within(Scope::of_chat(chat))
    }

    /// By its owner, unless it was an admin.
    pub fn chat_changed(chat: &Conversation, audit: Option<&AuditRecord>) -> Self {
        let body = EventBody::ChatChanged {
            chat: chat.id,
            revision: chat.revision,
        };
        let actor = audit.and_then(|it| it.actor).unwrap_or(chat.owner);
        Event::new(chat.updated_at, actor, body).within(Scope::of_chat(chat))
    }

    pub fn chat_message(message: &ConversationMessage, chat: &Conversation) -> Self {
        let body = EventBody::ChatMessage {
            chat: chat.id,
            message: message.id,
            speaker: message.speaker,
        };
        Event::new(message.created_at, chat.owner, body).within(Scope::of_chat(chat))
    }

    pub fn chat_deleted(
        chat: &Conversation,
        audit: Option<&AuditRecord>,
        at: DateTime<Utc>,
    ) -> Self {
        let body = EventBody::ChatDeleted { chat: chat.id };
        let actor = audit.and_then(|it| it.actor).unwrap_or(chat.owner);
        Event::new(at, actor, body).within(Scope::of_chat(chat))
    }

    pub fn media_created(media: &Media) -> Self {
        let body = EventBody::media_created(media);
        Event::new(media.created_at, media.newest.author, body).within(Scope::of_media(media))
    }

    pub fn media_changed(media: &Media, by: UserId) -> Self {
        let body = EventBody::media_changed(media);
        Event::new(media.updated_at, by, body).within(Scope::of_media(media))
    }

    pub fn media_removed(media: &Media, by: UserId, at: DateTime<Utc>) -> Self {
        let body = EventBody::MediaRemoved { media: media.id };
        Event::new(at, by, body).within(Scope::of_media(media))
    }

    /// In the name of who made it.
    pub fn webhook_disabled(webhook: &Webhook, at: DateTime<Utc>) -> Self {
        let body = EventBody::WebhookDisabled {
            webhook: webhook.id,
        };
        let scope = Scope {
            project: webhook.project.clone(),
            owner: Some(webhook.owner),
        };
        Event::new(at, webhook.owner, body).within(scope)
    }

    pub fn job_queued(job: JobId, owner: UserId, task: &Task, at: DateTime<Utc>) -> Self {
        let body = EventBody::JobQueued {
            job,
            kind: task.kind().to_owned(),
        };
        Event::new(at, owner, body).within(Scope::of_task(task, owner))
    }

    /// Where a job that it waited for did not succeed: in the name of its owner.
    pub fn job_cancelled(job: &Job, at: DateTime<Utc>) -> Self {
        let body = EventBody::JobCancelled { job: job.id };
        Event::new(at, job.owner, body).within(Scope::of_job(job))
    }

    pub fn batch_ended(batch: &JobBatch, at: DateTime<Utc>) -> Self {
        let body = EventBody::BatchEnded {
            batch: batch.id,
            counts: batch.counts,
        };
        let scope = Scope {
            project: None,
            owner: Some(batch.owner),
        };
        Event::new(at, batch.owner, body).within(scope)
    }
}

impl Scope {
    fn of_chat(chat: &Conversation) -> Self {
        Self::owned(&chat.project, chat.owner)
    }

    pub fn of_media(media: &Media) -> Self {
        Self::owned(&media.project, media.owner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notice_has_the_shape_that_is_promised() {
        let article: ArticleId = "art_01J9ZQ7V8M3K5N2P4R6T8W0Y1A".parse().unwrap();
        let actor: UserId = "usr_01J9ZQ7V8M3K5N2P4R6T8W0Y1B".parse().unwrap();
        let body = EventBody::ArticleUpdated {
            article,
            revision: 3,
            status: Some(Status::Published),
            was: Some(Status::Approved),
        };
        let event = Event {
            id: "evt_01J9ZQ7V8M3K5N2P4R6T8W0Y1C".parse().unwrap(),
            ..Event::new("2026-03-01T00:00:00Z".parse().unwrap(), actor, body)
        };
        let told = Told {
            number: 7,
            event,
            scope: Scope::of_project("handbook"),
        };
        assert_eq!(
            serde_json::to_value(told.notice()).unwrap(),
            json!({
                "id": "evt_01J9ZQ7V8M3K5N2P4R6T8W0Y1C",
                "v": 1,
                "at": "2026-03-01T00:00:00Z",
                "actor": "usr_01J9ZQ7V8M3K5N2P4R6T8W0Y1B",
                "project": "handbook",
                "aggregate": {
                    "kind": "article",
                    "id": "art_01J9ZQ7V8M3K5N2P4R6T8W0Y1A",
                    "revision": 3,
                },
                "type": "article.updated",
                "data": {
                    "article": "art_01J9ZQ7V8M3K5N2P4R6T8W0Y1A",
                    "revision": 3,
                    "status": "published",
                    "was": "approved",
                },
            })
        );
    }
}
