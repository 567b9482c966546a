//! What somebody is told because it concerns them, and what of it they want to hear.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveTime, Utc, Weekday};

use crate::ids::{
    ArticleId, CommentId, EventId, JobId, NotificationId, SavedSearchId, ScheduleId, UserId,
    WebhookId,
};
use crate::search::DocumentId;
use crate::{Error, codes};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal;)*) => {
        /// Why somebody is told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum NotificationKind {
            $($(#[$doc])* $kind,)*
        }

        impl NotificationKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// As `type` has it, such as `review.asked`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A comment names them.
    CommentMentioned = "comment.mentioned";
    /// Somebody answered what they said.
    CommentReplied = "comment.replied";
    /// Somebody said something about their article.
    CommentWritten = "comment.written";
    /// An article of a project in which they review waits for it.
    ReviewAsked = "review.asked";
    /// Their article came out of review.
    ReviewDecided = "review.decided";
    /// Their article is public, by the hand of somebody else or by its schedule.
    ArticlePublished = "article.published";
    JobSucceeded = "job.succeeded";
    JobFailed = "job.failed";
    /// Nothing reaches a webhook that they made.
    WebhookDisabled = "webhook.disabled";
    /// A schedule of theirs could not do what it was to do, and waits for them.
    SchedulePaused = "schedule.paused";
    /// Something was written that a search of theirs finds.
    SearchMatched = "search.matched";
}

/// One thing that somebody is told. It names things and says nothing of what stands in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub id: NotificationId,
    /// Who is told.
    pub user: UserId,
    pub kind: NotificationKind,
    /// What it follows from.
    pub event: EventId,
    /// Who did it.
    pub actor: UserId,
    /// Slug of the project it is in, if it is in one.
    pub project: Option<String>,
    pub about: About,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

/// The things it names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct About {
    pub article: Option<ArticleId>,
    pub comment: Option<CommentId>,
    pub job: Option<JobId>,
    pub webhook: Option<WebhookId>,
    pub schedule: Option<ScheduleId>,
    pub search: Option<SavedSearchId>,
    /// What a search found; an article stands in `article`, too.
    pub document: Option<DocumentId>,
}

impl Notification {
    /// Nobody is told twice of the same: a comment concerns somebody once, however often it is changed, as does what a
    /// search of theirs finds.
    pub fn once(&self) -> String {
        match (self.about.comment, self.about.search, self.about.document) {
            (Some(comment), _, _) => comment.to_string(),
            (None, Some(search), Some(document)) => format!("{search} {document}"),
            _ => self.event.to_string(),
        }
    }
}

/// Which notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationFilter {
    All,
    Unread,
}

/// What somebody wants to hear, and how. Nobody has any before they first say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSettings {
    pub user: UserId,
    pub muted_kinds: BTreeSet<NotificationKind>,
    /// Slugs.
    pub muted_projects: BTreeSet<String>,
    pub digest: Option<Digest>,
    /// 0 before the first change, one more with each.
    pub revision: u64,
}

impl NotificationSettings {
    /// Everything, and no mail.
    pub fn of(user: UserId) -> Self {
        Self {
            user,
            muted_kinds: BTreeSet::new(),
            muted_projects: BTreeSet::new(),
            digest: None,
            revision: 0,
        }
    }

    /// Whether they do not want to hear of it.
    pub fn mutes(&self, kind: NotificationKind, project: Option<&str>) -> bool {
        let is_muted = |slug| self.muted_projects.contains(slug);
        self.muted_kinds.contains(&kind) || project.is_some_and(is_muted)
    }
}

/// A mail with what is unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    pub period: DigestPeriod,
    /// Of the day, 0 to 23, UTC.
    pub hour: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestPeriod {
    Daily,
    /// On Mondays.
    Weekly,
}

impl DigestPeriod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }
}

impl Digest {
    /// The first time after `now`.
    pub fn next(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let hour = NaiveTime::from_hms_opt(u32::from(self.hour.min(23)), 0, 0).unwrap_or_default();
        let days = now.date_naive().iter_days();
        let fits = |at: &DateTime<Utc>| {
            *at > now
                && match self.period {
                    DigestPeriod::Daily => true,
                    DigestPeriod::Weekly => at.weekday() == Weekday::Mon,
                }
        };
        let mut times = days.map(|day| day.and_time(hour).and_utc());
        times.find(fits).unwrap_or(now + Days::new(7))
    }
}

/// A digest in the hands of an engine. `fence` rises with every claim and every change of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDigest {
    pub settings: NotificationSettings,
    /// The newest that a digest has told of.
    pub after: Option<NotificationId>,
    pub fence: u64,
}

impl fmt::Display for NotificationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NotificationKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.iter().find(|kind| kind.as_str() == text);
        known.copied().ok_or_else(|| {
            Error::new(
                &codes::INVALID_INPUT,
                format!("`{text}` is no type of notification; `docs/notifications.md` lists them"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_again() {
        for kind in NotificationKind::ALL {
            assert_eq!(kind.as_str().parse::<NotificationKind>().unwrap(), *kind);
        }
        assert!("lunch.served".parse::<NotificationKind>().is_err());
    }

    #[test]
    fn digests_come_at_their_hour() {
        use DigestPeriod::{Daily, Weekly};
        // A Wednesday.
        for (period, hour, now, next) in [
            (Daily, 7, "2026-03-04T06:59:59Z", "2026-03-04T07:00:00Z"),
            (Daily, 7, "2026-03-04T07:00:00Z", "2026-03-05T07:00:00Z"),
            (Daily, 0, "2026-12-31T12:00:00Z", "2027-01-01T00:00:00Z"),
            (Weekly, 7, "2026-03-04T06:00:00Z", "2026-03-09T07:00:00Z"),
            (Weekly, 7, "2026-03-09T07:00:00Z", "2026-03-16T07:00:00Z"),
        ] {
            let now: DateTime<Utc> = now.parse().unwrap();
            let next: DateTime<Utc> = next.parse().unwrap();
            assert_eq!(Digest { period, hour }.next(now), next, "{now}");
        }
    }

    #[test]
    fn what_is_muted_is_not_told() {
        let settings = NotificationSettings {
            muted_kinds: [NotificationKind::JobSucceeded].into(),
            muted_projects: ["noise".to_owned()].into(),
            ..NotificationSettings::of(UserId::new())
        };
        for (kind, project, is_muted) in [
            (NotificationKind::JobSucceeded, Some("handbook"), true),
            (NotificationKind::JobFailed, Some("handbook"), false),
            (NotificationKind::JobFailed, Some("noise"), true),
            (NotificationKind::WebhookDisabled, None, false),
        ] {
            assert_eq!(
                settings.mutes(kind, project),
                is_muted,
                "{kind} {project:?}"
            );
        }
    }
}
