//! The catalogue: every kind of event by its name, the thing it tells of, and which thing it is.

use std::fmt;
use std::str::FromStr;

use super::{Aggregate, EventBody};
use crate::{Error, codes};

/// A kind of thing that events tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    Article,
    Comment,
    Project,
    Member,
    Prompt,
    Note,
    Chat,
    Media,
    Job,
    Batch,
    Schedule,
    Webhook,
}

impl Thing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Comment => "comment",
            Self::Project => "project",
            Self::Member => "member",
            Self::Prompt => "prompt",
            Self::Note => "note",
            Self::Chat => "chat",
            Self::Media => "media",
            Self::Job => "job",
            Self::Batch => "batch",
            Self::Schedule => "schedule",
            Self::Webhook => "webhook",
        }
    }
}

macro_rules! catalogue {
    ($($kind:ident = $name:literal of $thing:ident;)*) => {
        /// The type of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($kind,)*
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// As `type` has it, such as `article.created`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// What it tells of.
            pub fn thing(self) -> Thing {
                match self {
                    $(Self::$kind => Thing::$thing,)*
                }
            }
        }

        impl EventBody {
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$kind { .. } => EventKind::$kind,)*
                }
            }
        }
    };
}

catalogue! {
    ArticleCreated = "article.created" of Article;
    ArticleUpdated = "article.updated" of Article;
    ArticleDeleted = "article.deleted" of Article;
    ArticleRestored = "article.restored" of Article;
    ArticleRemoved = "article.removed" of Article;
    CommentWritten = "comment.written" of Comment;
    CommentChanged = "comment.changed" of Comment;
    CommentDeleted = "comment.deleted" of Comment;
    ProjectCreated = "project.created" of Project;
    ProjectChanged = "project.changed" of Project;
    MemberSet = "member.set" of Member;
    MemberRemoved = "member.removed" of Member;
    PromptCreated = "prompt.created" of Prompt;
    PromptChanged = "prompt.changed" of Prompt;
    NoteCreated = "note.created" of Note;
    NoteChanged = "note.changed" of Note;
    NoteDeleted = "note.deleted" of Note;
    ChatCreated = "chat.created" of Chat;
    ChatChanged = "chat.changed" of Chat;
    ChatMessage = "chat.message" of Chat;
    ChatDeleted = "chat.deleted" of Chat;
    MediaCreated = "media.created" of Media;
    MediaChanged = "media.changed" of Media;
    MediaRemoved = "media.removed" of Media;
    JobQueued = "job.queued" of Job;
    JobSucceeded = "job.succeeded" of Job;
    JobFailed = "job.failed" of Job;
    JobCancelled = "job.cancelled" of Job;
    JobRequeued = "job.requeued" of Job;
    BatchEnded = "batch.ended" of Batch;
    ScheduleCreated = "schedule.created" of Schedule;
    ScheduleChanged = "schedule.changed" of Schedule;
    ScheduleRemoved = "schedule.removed" of Schedule;
    ScheduleRan = "schedule.ran" of Schedule;
    ScheduleRefused = "schedule.refused" of Schedule;
    WebhookDisabled = "webhook.disabled" of Webhook;
}

impl EventBody {
    /// The thing this tells of.
    pub fn aggregate(&self) -> Aggregate {
        let (id, revision) = match self {
            Self::ArticleCreated {
                article, revision, ..
            }
            | Self::ArticleUpdated {
                article, revision, ..
            }
            | Self::ArticleRestored {
                article, revision, ..
            }
            | Self::ArticleDeleted { article, revision }
            | Self::ArticleRemoved { article, revision } => (article.to_string(), Some(*revision)),
            Self::CommentWritten {
                comment, revision, ..
            }
            | Self::CommentChanged {
                comment, revision, ..
            } => (comment.to_string(), Some(*revision)),
            Self::CommentDeleted { comment, .. } => (comment.to_string(), None),
            Self::ProjectCreated { project, revision }
            | Self::ProjectChanged {
                project, revision, ..
            } => (project.clone(), Some(*revision)),
            Self::MemberSet {
                project,
                user,
                revision,
                ..
            } => (format!("{project}/{user}"), Some(*revision)),
            Self::MemberRemoved { project, user } => (format!("{project}/{user}"), None),
            Self::PromptCreated {
                prompt, version, ..
            }
            | Self::PromptChanged {
                prompt, version, ..
            } => (prompt.to_string(), Some(u64::from(*version))),
            Self::NoteCreated { note, revision } | Self::NoteChanged { note, revision } => {
                (note.to_string(), Some(*revision))
            }
            Self::NoteDeleted { note } => (note.to_string(), None),
            Self::ChatCreated { chat, revision } | Self::ChatChanged { chat, revision } => {
                (chat.to_string(), Some(*revision))
            }
            Self::ChatMessage { chat, .. } | Self::ChatDeleted { chat } => (chat.to_string(), None),
            Self::MediaCreated { media, revision }
            | Self::MediaChanged {
                media, revision, ..
            } => (media.to_string(), Some(*revision)),
            Self::MediaRemoved { media } => (media.to_string(), None),
            Self::JobQueued { job, .. }
            | Self::JobSucceeded { job, .. }
            | Self::JobFailed { job, .. }
            | Self::JobCancelled { job }
            | Self::JobRequeued { job } => (job.to_string(), None),
            Self::BatchEnded { batch, .. } => (batch.to_string(), None),
            Self::ScheduleCreated { schedule, revision }
            | Self::ScheduleChanged {
                schedule, revision, ..
            } => (schedule.to_string(), Some(*revision)),
            Self::ScheduleRemoved { schedule }
            | Self::ScheduleRan { schedule, .. }
            | Self::ScheduleRefused { schedule, .. } => (schedule.to_string(), None),
            Self::WebhookDisabled { webhook } => (webhook.to_string(), None),
        };
        Aggregate {
            kind: self.kind().thing().as_str(),
            id,
            revision,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|kind| kind.as_str() == text);
        known.copied().ok_or_else(|| {
            Error::new(
                &codes::INVALID_INPUT,
                format!("`{text}` is no type of event; `docs/events.md` lists them"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ArticleId, JobId};

    #[test]
    fn names_are_those_of_the_json() {
        let article = ArticleId::new();
        let job = JobId::new();
        for body in [
            EventBody::ArticleCreated {
                article,
                revision: 1,
                status: None,
            },
            EventBody::JobSucceeded { job, article: None },
            EventBody::JobQueued {
                job,
                kind: "generate".to_owned(),
            },
        ] {
            let json = serde_json::to_value(&body).unwrap();
            assert_eq!(json["type"], body.kind().as_str());
            assert_eq!(serde_json::from_value::<EventBody>(json).unwrap(), body);
        }
    }

    #[test]
    fn names_begin_with_their_thing_and_are_read_again() {
        for kind in EventKind::ALL {
            let thing = kind.as_str().split('.').next().unwrap();
            assert_eq!(thing, kind.thing().as_str());
            assert_eq!(kind.as_str().parse::<EventKind>().unwrap(), *kind);
        }
        assert!("article.eaten".parse::<EventKind>().is_err());
    }
}
