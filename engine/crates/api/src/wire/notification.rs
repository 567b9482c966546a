//! What people are told, and what of it they want to hear.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use inkstone_domain::ids::UserId;
use inkstone_domain::notification::{
    Digest, DigestPeriod, Notification, NotificationKind, NotificationSettings,
};
use inkstone_domain::{FieldError, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::invalid_fields;

/// Something that concerns the caller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationReply {
    #[schema(example = "ntf_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: String,
    /// Why: `comment.mentioned`, `comment.replied`, `comment.written`, `review.asked`, `review.decided`,
    /// `article.published`, `job.succeeded`, `job.failed`, `webhook.disabled`, `schedule.paused` or
    /// `search.matched`.
    #[serde(rename = "type")]
    #[schema(example = "review.asked")]
    pub kind: &'static str,
    /// What it follows from.
    #[schema(example = "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub event: String,
    /// Who did it.
    #[schema(example = "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub actor: String,
    /// Slug of the project it is in, if it is in one.
    pub project: Option<String>,
    pub article: Option<String>,
    pub comment: Option<String>,
    pub job: Option<String>,
    pub webhook: Option<String>,
    pub schedule: Option<String>,
    /// The saved search that found something.
    pub search: Option<String>,
    /// What it found: an article, a prompt, a file or a message.
    pub document: Option<String>,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    pub read: bool,
    pub read_at: Option<DateTime<Utc>>,
}

/// Whether it is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationPatchBody {
    pub read: bool,
}

/// What is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadAllBody {
    /// The newest one that was seen: what came after it stays unread. Left out for all.
    #[serde(default)]
    #[schema(example = "ntf_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub through: Option<String>,
}

/// How many were unread.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadAllReply {
    pub marked: u64,
}

/// How many are unread.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadReply {
    pub unread: u64,
}

/// What the caller wants to hear. What is left out is none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationSettingsBody {
    /// Types that are not told.
    #[serde(default)]
    #[schema(example = json!(["job.succeeded"]))]
    pub muted_types: Vec<String>,
    /// Slugs of projects of which nothing is told.
    #[serde(default)]
    #[schema(max_items = 200, example = json!(["handbook"]))]
    pub muted_projects: Vec<String>,
    /// A mail with what is unread; null for none.
    #[serde(default)]
    pub digest: Option<DigestBody>,
}

/// When a mail with what is unread comes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestBody {
    pub every: EveryWord,
    /// Of the day, UTC.
    #[schema(maximum = 23, example = 7)]
    pub hour: u8,
}

/// `week` is on Mondays.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EveryWord {
    Day,
    Week,
}

/// What the caller wants to hear.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationSettingsReply {
    pub muted_types: Vec<&'static str>,
    pub muted_projects: Vec<String>,
    pub digest: Option<DigestBody>,
    /// 0 before the first change.
    pub revision: u64,
}

impl NotificationSettingsBody {
    pub(crate) fn into_domain(self, user: UserId) -> Result<NotificationSettings> {
        let kinds = self.muted_types.iter();
        let kinds: Result<BTreeSet<NotificationKind>> = kinds.map(|kind| kind.parse()).collect();
        let muted_kinds = kinds.map_err(|error| {
            let field = FieldError {
                pointer: "/muted_types".to_owned(),
                detail: error.message().to_owned(),
            };
            invalid_fields("the settings are not valid as given", vec![field])
        })?;
        Ok(NotificationSettings {
            muted_kinds,
            muted_projects: self.muted_projects.into_iter().collect(),
            digest: self.digest.map(|digest| Digest {
                period: match digest.every {
                    EveryWord::Day => DigestPeriod::Daily,
                    EveryWord::Week => DigestPeriod::Weekly,
                },
                hour: digest.hour,
            }),
            ..NotificationSettings::of(user)
        })
    }
}

impl From<Notification> for NotificationReply {
    fn from(one: Notification) -> Self {
        Self {
            id: one.id.to_string(),
            kind: one.kind.as_str(),
            event: one.event.to_string(),
            actor: one.actor.to_string(),
            project: one.project,
            article: one.about.article.map(|id| id.to_string()),
            comment: one.about.comment.map(|id| id.to_string()),
            job: one.about.job.map(|id| id.to_string()),
            webhook: one.about.webhook.map(|id| id.to_string()),
            schedule: one.about.schedule.map(|id| id.to_string()),
            search: one.about.search.map(|id| id.to_string()),
            document: one.about.document.map(|id| id.to_string()),
            created_at: one.created_at,
            read: one.read_at.is_some(),
            read_at: one.read_at,
        }
    }
}

impl From<NotificationSettings> for NotificationSettingsReply {
    fn from(settings: NotificationSettings) -> Self {
        let kinds = settings.muted_kinds.into_iter();
        Self {
            muted_types: kinds.map(NotificationKind::as_str).collect(),
            muted_projects: settings.muted_projects.into_iter().collect(),
            digest: settings.digest.map(|digest| DigestBody {
                every: match digest.period {
                    DigestPeriod::Daily => EveryWord::Day,
                    DigestPeriod::Weekly => EveryWord::Week,
                },
                hour: digest.hour,
            }),
            revision: settings.revision,
        }
    }
}
