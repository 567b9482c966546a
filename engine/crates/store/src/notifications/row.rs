//! Rows of `notification` and `notification_settings`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::notification::{
    About, ClaimedDigest, Digest, DigestPeriod, Notification, NotificationSettings,
};
use surrealdb::types::SurrealValue;

use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unknown_word, unreadable};
use crate::times;

const NOTIFICATION: &str = "notification";
pub(super) const SETTINGS: &str = "notification_settings";

#[derive(SurrealValue)]
pub(super) struct NotificationRow {
    key: String,
    user: String,
    kind: String,
    event: String,
    actor: String,
    project: Option<String>,
    article: Option<String>,
    comment: Option<String>,
    job: Option<String>,
    webhook: Option<String>,
    schedule: Option<String>,
    search: Option<String>,
    document: Option<String>,
    created_at: DateTime<Utc>,
    is_read: bool,
    read_at: Option<DateTime<Utc>>,
}

/// A row, and what its record is found by.
#[derive(SurrealValue)]
pub(super) struct NewRow {
    user: String,
    once: String,
    content: NotificationRow,
}

/// As it is read.
#[derive(SurrealValue)]
pub(super) struct SettingsRow {
    user: String,
    muted_kinds: Vec<String>,
    muted_projects: Vec<String>,
    digest_period: Option<String>,
    digest_hour: u32,
    revision: u64,
    digest_after: Option<String>,
    fence: u64,
}

/// As somebody wants them. How far digests have come is the store's.
#[derive(SurrealValue)]
pub(super) struct NewSettingsRow {
    user: String,
    muted_kinds: Vec<String>,
    muted_projects: Vec<String>,
    digest_period: Option<String>,
    digest_hour: u32,
    revision: u64,
    has_digest: bool,
    digest_at: DateTime<Utc>,
}

impl NewRow {
    pub(super) fn of(one: &Notification) -> Self {
        let user = one.user.to_string();
        let content = NotificationRow {
            key: one.id.to_string(),
            user: user.clone(),
            kind: one.kind.as_str().to_owned(),
            event: one.event.to_string(),
            actor: one.actor.to_string(),
            project: one.project.clone(),
            article: one.about.article.map(|id| id.to_string()),
            comment: one.about.comment.map(|id| id.to_string()),
            job: one.about.job.map(|id| id.to_string()),
            webhook: one.about.webhook.map(|id| id.to_string()),
            schedule: one.about.schedule.map(|id| id.to_string()),
            search: one.about.search.map(|id| id.to_string()),
            document: one.about.document.map(|id| id.to_string()),
            created_at: one.created_at,
            is_read: one.read_at.is_some(),
            read_at: one.read_at,
        };
        Self {
            user,
            once: one.once(),
            content,
        }
    }
}

impl TryFrom<NotificationRow> for Notification {
    type Error = StoreFailure;

    fn try_from(row: NotificationRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(NOTIFICATION, &row.key)?,
            user: parse(NOTIFICATION, &row.user)?,
            kind: parse(NOTIFICATION, &row.kind)?,
            event: parse(NOTIFICATION, &row.event)?,
            actor: parse(NOTIFICATION, &row.actor)?,
            project: row.project,
            about: About {
                article: parse_option(NOTIFICATION, row.article)?,
                comment: parse_option(NOTIFICATION, row.comment)?,
                job: parse_option(NOTIFICATION, row.job)?,
                webhook: parse_option(NOTIFICATION, row.webhook)?,
                schedule: parse_option(NOTIFICATION, row.schedule)?,
                search: parse_option(NOTIFICATION, row.search)?,
                document: parse_option(NOTIFICATION, row.document)?,
            },
            created_at: row.created_at,
            read_at: row.read_at,
        })
    }
}

impl NewSettingsRow {
    /// Without a digest the time does not matter.
    pub(super) fn of(settings: &NotificationSettings, digest_at: Option<DateTime<Utc>>) -> Self {
        let kinds = settings.muted_kinds.iter();
        let digest = settings.digest;
        Self {
            user: settings.user.to_string(),
            muted_kinds: kinds.map(|kind| kind.as_str().to_owned()).collect(),
            muted_projects: settings.muted_projects.iter().cloned().collect(),
            digest_period: digest.map(|digest| digest.period.as_str().to_owned()),
            digest_hour: digest.map_or(0, |digest| u32::from(digest.hour)),
            revision: settings.revision,
            has_digest: digest_at.is_some(),
            digest_at: digest_at.map(times::exact).unwrap_or_default(),
        }
    }
}

impl TryFrom<SettingsRow> for NotificationSettings {
    type Error = StoreFailure;

    fn try_from(row: SettingsRow) -> RowResult<Self> {
        let period = match row.digest_period.as_deref() {
            None => None,
            Some("daily") => Some(DigestPeriod::Daily),
            Some("weekly") => Some(DigestPeriod::Weekly),
            Some(other) => return Err(unknown_word(SETTINGS, "digest_period", other)),
        };
        let kinds = row.muted_kinds.iter();
        let kinds: RowResult<_> = kinds.map(|kind| parse(SETTINGS, kind)).collect();
        let hour = u8::try_from(row.digest_hour)
            .map_err(|_| unreadable(SETTINGS, "the hour of the digest is none"))?;
        Ok(Self {
            user: parse(SETTINGS, &row.user)?,
            muted_kinds: kinds?,
            muted_projects: row.muted_projects.into_iter().collect(),
            digest: period.map(|period| Digest { period, hour }),
            revision: row.revision,
        })
    }
}

impl TryFrom<SettingsRow> for ClaimedDigest {
    type Error = StoreFailure;

    fn try_from(row: SettingsRow) -> RowResult<Self> {
        let (fence, after) = (row.fence, row.digest_after.clone());
        Ok(Self {
            settings: row.try_into()?,
            after: parse_option(SETTINGS, after)?,
            fence,
        })
    }
}
