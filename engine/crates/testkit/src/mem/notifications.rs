//! Notifications in memory.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{NotificationId, UserId};
use inkstone_domain::notification::{
    ClaimedDigest, Notification, NotificationFilter, NotificationSettings,
};
use inkstone_domain::ports::NotificationStore;
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, not_found, page_of};

pub(super) struct SettingsEntry {
    settings: NotificationSettings,
    digest_at: Option<DateTime<Utc>>,
    after: Option<NotificationId>,
    fence: u64,
}

#[async_trait]
impl NotificationStore for MemStore {
    async fn put_notifications(&self, notifications: &[Notification]) -> Result<()> {
        let mut state = self.state();
        for new in notifications {
            let is_told = |one: &Notification| one.user == new.user && one.once() == new.once();
            if !state.notifications.iter().any(is_told) {
                state.notifications.push(new.clone());
            }
        }
        Ok(())
    }

    async fn list_notifications(
        &self,
        user: UserId,
        filter: NotificationFilter,
        page: PageRequest,
    ) -> Result<Page<Notification>> {
        let state = self.state();
        let own = state.notifications.iter().filter(|one| one.user == user);
        let fitting = own.filter(|one| filter == NotificationFilter::All || one.read_at.is_none());
        let mut fitting: Vec<&Notification> = fitting.collect();
        fitting.sort_by_key(|one| std::cmp::Reverse(one.id));
        let keyed = fitting.into_iter().map(|one| (one.id, one.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn notification(&self, user: UserId, id: NotificationId) -> Result<Option<Notification>> {
        let state = self.state();
        let mut all = state.notifications.iter();
        Ok(all.find(|one| one.user == user && one.id == id).cloned())
    }

    async fn count_unread(&self, user: UserId) -> Result<u64> {
        let state = self.state();
        let own = state.notifications.iter().filter(|one| one.user == user);
        Ok(own.filter(|one| one.read_at.is_none()).count() as u64)
    }

    async fn mark_notification(
        &self,
        user: UserId,
        id: NotificationId,
        read_at: Option<DateTime<Utc>>,
    ) -> Result<Notification> {
        let mut state = self.state();
        let mut all = state.notifications.iter_mut();
        let found = all.find(|one| one.user == user && one.id == id);
        let found = found.ok_or_else(|| not_found("notification", id))?;
        found.read_at = read_at.map(|now| found.read_at.unwrap_or(now));
        Ok(found.clone())
    }

    async fn mark_all_read(
        &self,
        user: UserId,
        through: Option<NotificationId>,
        read_at: DateTime<Utc>,
    ) -> Result<u64> {
        let mut state = self.state();
        let unread = state.notifications.iter_mut().filter(|one| {
            one.user == user
                && one.read_at.is_none()
                && through.is_none_or(|through| one.id <= through)
        });
        let mut marked = 0;
        for one in unread {
            one.read_at = Some(read_at);
            marked += 1;
        }
        Ok(marked)
    }

    async fn forget_notifications(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        let mut state = self.state();
        let mut forgotten = 0;
        state.notifications.retain(|one| {
            let is_old = one.created_at < before && forgotten < limit;
            forgotten += usize::from(is_old);
            !is_old
        });
        Ok(forgotten as u64)
    }

    async fn notification_settings(&self, user: UserId) -> Result<Option<NotificationSettings>> {
        let state = self.state();
        let entry = state.notification_settings.get(&user);
        Ok(entry.map(|entry| entry.settings.clone()))
    }

    async fn notification_settings_of(
        &self,
        users: &[UserId],
    ) -> Result<Vec<NotificationSettings>> {
        let state = self.state();
        let known = users.iter();
        let known = known.filter_map(|user| state.notification_settings.get(user));
        Ok(known.map(|entry| entry.settings.clone()).collect())
    }

    async fn put_notification_settings(
        &self,
        settings: &NotificationSettings,
        digest_at: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let mut state = self.state();
        let stored = state.notification_settings.get(&settings.user);
        if stored.map_or(0, |entry| entry.settings.revision) + 1 != settings.revision {
            return Err(super::projects::mismatch());
        }
        let entry = SettingsEntry {
            settings: settings.clone(),
            digest_at,
            after: stored.and_then(|entry| entry.after),
            fence: stored.map_or(0, |entry| entry.fence) + 1,
        };
        state.notification_settings.insert(settings.user, entry);
        Ok(())
    }

    async fn claim_digest(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDigest>> {
        let mut state = self.state();
        let entries = state.notification_settings.values_mut();
        let due = entries.filter(|entry| entry.digest_at.is_some_and(|at| at <= now));
        let Some(entry) = due.min_by_key(|entry| entry.digest_at) else {
            return Ok(None);
        };
        entry.digest_at = Some(now + lease);
        entry.fence += 1;
        Ok(Some(ClaimedDigest {
            settings: entry.settings.clone(),
            after: entry.after,
            fence: entry.fence,
        }))
    }

    async fn settle_digest(
        &self,
        claimed: &ClaimedDigest,
        after: Option<NotificationId>,
        next_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let entry = state.notification_settings.get_mut(&claimed.settings.user);
        let held = entry.filter(|entry| entry.fence == claimed.fence);
        let Some(entry) = held else {
            return Err(Error::new(
                &codes::LEASE_LOST,
                "the digest is in other hands",
            ));
        };
        entry.digest_at = Some(next_at);
        entry.after = after;
        entry.fence += 1;
        Ok(())
    }
}
