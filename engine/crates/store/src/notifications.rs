//! The tables `notification` and `notification_settings`.

mod row;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{NotificationId, UserId};
use inkstone_domain::notification::{
    ClaimedDigest, Notification, NotificationFilter, NotificationSettings,
};
use inkstone_domain::ports::NotificationStore;
use surrealdb::types::RecordId;

use self::row::{NotificationRow, SettingsRow};
use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::pages::Place;
use crate::statement::Statement;
use crate::times;

const PUT: &str = "{
    FOR $row IN $rows {
        LET $id = type::record('notification', [$row.user, $row.once]);
        IF record::exists($id) = false { CREATE $id CONTENT $row.content RETURN NONE };
    };
    RETURN NONE;
}";
const MARK: &str = "{
    LET $found = (SELECT id, read_at FROM notification WHERE user = $user AND key = $key)[0];
    IF $found = NONE { THROW 'refused:not_found' };
    LET $since = IF $read_at = NONE { NONE } ELSE { $found.read_at ?? $read_at };
    RETURN UPDATE ONLY $found.id SET is_read = $read_at != NONE, read_at = $since RETURN AFTER;
}";
const MARK_ALL: &str = "{
    LET $unread = SELECT id, key FROM notification
        WHERE user = $user AND is_read = false AND key <= $through;
    UPDATE $unread.map(|$row| $row.id) SET is_read = true, read_at = $read_at RETURN NONE;
    RETURN array::len($unread);
}";
const PUT_SETTINGS: &str = "{
    LET $id = type::record('notification_settings', $row.user);
    LET $stored = SELECT revision, fence, digest_after FROM ONLY $id;
    LET $revision = $stored.revision ?? 0;
    IF $revision != $row.revision - 1 { THROW 'refused:stale:' + <string>$revision };
    UPSERT $id CONTENT object::extend($row, {
        digest_after: $stored.digest_after,
        fence: ($stored.fence ?? 0) + 1
    }) RETURN NONE;
    RETURN NONE;
}";
const CLAIM_DIGEST: &str = "{
    LET $due = (SELECT id, digest_at FROM notification_settings
        WHERE has_digest = true AND digest_at <= $now ORDER BY digest_at LIMIT 1)[0];
    IF $due = NONE { RETURN NONE };
    RETURN UPDATE ONLY $due.id SET digest_at = $lease_until, fence += 1 RETURN AFTER;
}";
const SETTLE_DIGEST: &str = "{
    LET $id = type::record('notification_settings', $user);
    LET $stored = SELECT fence FROM ONLY $id;
    IF $stored = NONE OR $stored.fence != $fence { THROW 'refused:lease_lost' };
    UPDATE $id SET digest_at = $next_at, digest_after = $after, fence += 1 RETURN NONE;
    RETURN NONE;
}";
/// Behind every key.
const LAST: &str = "ntf_\u{7f}";

#[async_trait]
impl NotificationStore for SurrealStore {
    async fn put_notifications(&self, notifications: &[Notification]) -> Result<()> {
        let rows: Vec<_> = notifications.iter().map(row::NewRow::of).collect();
        let statement = Statement::new(PUT)
            .about("notifications")
            .bind("rows", rows);
        Ok(self.write(statement).await?)
    }

    async fn list_notifications(
        &self,
        user: UserId,
        filter: NotificationFilter,
        page: PageRequest,
    ) -> Result<Page<Notification>> {
        let place: Place<NotificationId> = Place::of(&page)?;
        let of = match filter {
            NotificationFilter::All => "user = $user",
            NotificationFilter::Unread => "user = $user AND is_read = false",
        };
        let beginning = match place.before {
            Some(_) => "AND key < $before",
            None => "",
        };
        let statement = Statement::new(format!(
            "SELECT * FROM notification WHERE {of} {beginning} ORDER BY key DESC LIMIT $rows"
        ))
        .bind("user", user.to_string())
        .bind("before", place.before.map(|id| id.to_string()))
        .bind("rows", place.rows);
        let rows: Vec<NotificationRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |one: &Notification| one.id))
    }

    async fn notification(&self, user: UserId, id: NotificationId) -> Result<Option<Notification>> {
        let statement =
            Statement::new("SELECT * FROM notification WHERE user = $user AND key = $key")
                .bind("user", user.to_string())
                .bind("key", id.to_string());
        let rows: Vec<NotificationRow> = self.read(statement).await?;
        let found: Vec<Notification> = read_all(rows)?;
        Ok(found.into_iter().next())
    }

    async fn count_unread(&self, user: UserId) -> Result<u64> {
        let statement = Statement::new(
            "RETURN (SELECT count() FROM notification
                WHERE user = $user AND is_read = false GROUP ALL)[0].count ?? 0",
        )
        .bind("user", user.to_string());
        Ok(self.read(statement).await?)
    }

    async fn mark_notification(
        &self,
        user: UserId,
        id: NotificationId,
        read_at: Option<DateTime<Utc>>,
    ) -> Result<Notification> {
        let statement = Statement::new(MARK)
            .about(format!("notification `{id}`"))
            .bind("user", user.to_string())
            .bind("key", id.to_string())
            .bind("read_at", read_at);
        let row: NotificationRow = self.write(statement).await?;
        Ok(Notification::try_from(row)?)
    }

    async fn mark_all_read(
        &self,
        user: UserId,
        through: Option<NotificationId>,
        read_at: DateTime<Utc>,
    ) -> Result<u64> {
        let through = through.map_or_else(|| LAST.to_owned(), |id| id.to_string());
        let statement = Statement::new(MARK_ALL)
            .about("notifications")
            .bind("user", user.to_string())
            .bind("through", through)
            .bind("read_at", read_at);
        Ok(self.write(statement).await?)
    }

    async fn forget_notifications(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        let statement = Statement::new(
            "{
                LET $old = SELECT id, created_at FROM notification
                    WHERE created_at < $before ORDER BY created_at LIMIT $limit;
                DELETE $old.map(|$row| $row.id) RETURN NONE;
                RETURN array::len($old);
            }",
        )
        .bind("before", before)
        .bind("limit", limit.min(u32::MAX as usize));
        Ok(self.write(statement).await?)
    }

    async fn notification_settings(&self, user: UserId) -> Result<Option<NotificationSettings>> {
        let row: Option<SettingsRow> = self.record(row::SETTINGS, user.to_string()).await?;
        Ok(row.map(NotificationSettings::try_from).transpose()?)
    }

    async fn notification_settings_of(
        &self,
        users: &[UserId],
    ) -> Result<Vec<NotificationSettings>> {
        let records = users.iter();
        let records = records.map(|user| RecordId::new(row::SETTINGS, user.to_string()));
        let statement =
            Statement::new("SELECT * FROM $records").bind("records", records.collect::<Vec<_>>());
        let rows: Vec<SettingsRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn put_notification_settings(
        &self,
        settings: &NotificationSettings,
        digest_at: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let statement = Statement::new(PUT_SETTINGS)
            .about("notification settings")
            .bind("row", row::NewSettingsRow::of(settings, digest_at));
        Ok(self.write(statement).await?)
    }

    async fn claim_digest(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDigest>> {
        let statement = Statement::new(CLAIM_DIGEST)
            .about("digests")
            .bind("now", times::exact(now))
            .bind("lease_until", times::exact(now + lease));
        let row: Option<SettingsRow> = self.write(statement).await?;
        Ok(row.map(ClaimedDigest::try_from).transpose()?)
    }

    async fn settle_digest(
        &self,
        claimed: &ClaimedDigest,
        after: Option<NotificationId>,
        next_at: DateTime<Utc>,
    ) -> Result<()> {
        let statement = Statement::new(SETTLE_DIGEST)
            .about("digest")
            .bind("user", claimed.settings.user.to_string())
            .bind("fence", claimed.fence)
            .bind("after", after.map(|id| id.to_string()))
            .bind("next_at", times::exact(next_at));
        Ok(self.write(statement).await?)
    }
}
