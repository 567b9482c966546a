//! The tables `webhook` and `webhook_delivery`.

pub(crate) mod lanes;
mod row;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{KEPT_TRIES, WebhookStore};
use inkstone_domain::webhook::{ClaimedDelivery, Delivery, Reached, Settlement, Webhook};
use surrealdb::types::SurrealValue;

use self::lanes::{FIRST_LANE, HeadRow, LaneRow, PUT_INTO_LANES, RELEASE, SETTLE_LANE};
use self::row::{DeliveryRow, WebhookRow};
use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::pages::Place;
use crate::row::to_json;
use crate::statement::Statement;
use crate::times;

const CREATE: &str = "CREATE type::record('webhook', $row.key) CONTENT $row RETURN NONE;";
const UPDATE: &str = "
    LET $id = type::record('webhook', $row.key);
    LET $stored = SELECT revision, failing_since FROM ONLY $id;
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored.revision != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored.revision };
    UPDATE $id CONTENT $row RETURN NONE;
    -- What a try has taught since it was read.
    IF $row.failing_since != NONE {
        UPDATE $id SET failing_since = $stored.failing_since RETURN NONE;
    };
";
const REMOVE: &str = "
    LET $stored = SELECT VALUE key FROM ONLY type::record('webhook', $key);
    IF $stored = NONE { THROW 'refused:not_found' };
    DELETE type::record('webhook', $key) RETURN NONE;
";
const PUT_DELIVERIES: &str = "
    FOR $row IN $rows {
        LET $id = type::record('webhook_delivery', [$row.webhook, $row.event]);
        IF record::exists($id) = false { CREATE $id CONTENT $row RETURN NONE };
    };
";
const SETTLE: &str = "
    LET $id = type::record('webhook_delivery', [$webhook, $event]);
    LET $stored = SELECT fence, state, tries FROM ONLY $id;
    IF $stored = NONE { RETURN NONE };
    IF $stored.fence != $fence OR $stored.state != 'pending' { THROW 'refused:lease_lost' };
    LET $tries = array::append($stored.tries, $tried);
    UPDATE $id SET
        state = $state,
        next_at = $next_at,
        tries = array::slice($tries, math::max([0, array::len($tries) - $kept]))
        RETURN NONE;
";
const REDELIVER: &str = "
    LET $id = type::record('webhook_delivery', [$webhook, $event]);
    IF record::exists($id) = false { THROW 'refused:not_found' };
    LET $begun = UPDATE ONLY $id SET state = 'pending', next_at = $now, attempts = 0, fence += 1
        RETURN AFTER;
";

/// `$since` is when it failed first, now that it has failed.
const NOTE_REACHED: &str = concat!(
    "{
    LET $id = type::record('webhook', $key);
    LET $stored = SELECT revision, is_enabled, failing_since FROM ONLY $id;
    IF $stored = NONE OR !$stored.is_enabled OR $stored.revision != $revision { RETURN false };
    IF $reached = 'yes' {
        IF $stored.failing_since != NONE { UPDATE $id SET failing_since = NONE RETURN NONE };
        RETURN false;
    };
    LET $since = $stored.failing_since ?? $now;
    IF $reached = 'no' AND $since > $too_long {
        IF $stored.failing_since = NONE { UPDATE $id SET failing_since = $since RETURN NONE };
        RETURN false;
    };
    UPDATE $id SET failing_since = $since, is_enabled = false, revision += 1 RETURN NONE;
",
    tell!(),
    "    RETURN true;
}"
);

#[async_trait]
impl WebhookStore for SurrealStore {
    async fn create_webhook(&self, webhook: &Webhook, audit: &AuditRecord) -> Result<()> {
        let statement = audited(CREATE, audit)
            .about(subject(webhook.id))
            .bind("row", WebhookRow::of(webhook)?);
        Ok(self.write(statement).await?)
    }

    async fn update_webhook(&self, webhook: &Webhook, audit: &AuditRecord) -> Result<()> {
        let statement = audited(UPDATE, audit)
            .about(subject(webhook.id))
            .bind("row", WebhookRow::of(webhook)?);
        Ok(self.write(statement).await?)
    }

    async fn remove_webhook(&self, id: WebhookId, audit: &AuditRecord) -> Result<()> {
        let statement = audited(REMOVE, audit)
            .about(subject(id))
            .bind("key", id.to_string());
        Ok(self.write(statement).await?)
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>> {
        let row: Option<WebhookRow> = self.record("webhook", id.to_string()).await?;
        Ok(row.map(Webhook::try_from).transpose()?)
    }

    async fn list_webhooks(
        &self,
        project: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Webhook>> {
        let place: Place<WebhookId> = Place::of(&page)?;
        let of = match project {
            Some(_) => "project = $project",
            None => "project = NONE",
        };
        let beginning = match place.before {
            Some(_) => "AND key < $before",
            None => "",
        };
        let statement = Statement::new(format!(
            "SELECT * FROM webhook WHERE {of} {beginning} ORDER BY key DESC LIMIT $rows"
        ))
        .bind("project", project.map(str::to_owned))
        .bind("before", place.before.map(|id| id.to_string()))
        .bind("rows", place.rows);
        let rows: Vec<WebhookRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |webhook: &Webhook| webhook.id))
    }

    async fn enabled_webhooks(&self) -> Result<Vec<Webhook>> {
        let statement =
            Statement::new("SELECT * FROM webhook WHERE is_enabled = true ORDER BY key");
        let rows: Vec<WebhookRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn note_reached(
        &self,
        webhook: &Webhook,
        reached: Reached,
        disable_after: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let reached = match reached {
            Reached::Yes => "yes",
            Reached::No => "no",
            Reached::Gone => "gone",
        };
        let statement = Statement::new(NOTE_REACHED)
            .about(subject(webhook.id))
            .tell(ScopedEvent::webhook_disabled(webhook, now))?
            .bind("key", webhook.id.to_string())
            .bind("revision", webhook.revision)
            .bind("reached", reached)
            .bind("too_long", now - disable_after)
            .bind("now", now);
        Ok(self.write(statement).await?)
    }

    async fn put_deliveries(&self, deliveries: &[Delivery]) -> Result<()> {
        let Some(first) = deliveries.iter().map(|delivery| delivery.next_at).min() else {
            return Ok(());
        };
        let now = times::exact(first);
        let rows: std::result::Result<Vec<DeliveryRow>, _> =
            deliveries.iter().map(DeliveryRow::of).collect();
        let statement = Statement::new(format!("{{ {PUT_DELIVERIES} RETURN NONE; }}"))
            .about("deliveries")
            .bind("rows", rows?);
        self.write::<()>(statement).await?;
        // Where this is not reached, whoever put them does so again.
        let statement = Statement::new(format!("{{ {PUT_INTO_LANES} RETURN NONE; }}"))
            .about("deliveries")
            .bind("lanes", lanes::lanes_of(deliveries))
            .bind("now", now);
        self.put_into_lanes(statement, now).await
    }

    async fn claim_delivery(
        &self,
        lease: Duration,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDelivery>> {
        let now = times::exact(now);
        let _turn = self.in_lanes().await;
        loop {
            let first = Statement::new(FIRST_LANE).bind("from", self.delivered().from());
            let lanes: Vec<LaneRow> = self.read(first).await?;
            let lane = lanes.first();
            self.delivered().saw(lane.and_then(|lane| lane.due_at), now);
            let Some(lane) = lane.filter(|lane| lane.due_at.is_some_and(|due| due <= now)) else {
                return Ok(None);
            };
            let heads: Option<Vec<HeadRow>> = match lane.has_room(most, now) {
                true => Some(self.read(lane.heads()).await?),
                false => None,
            };
            let take = lane.take(heads.as_deref(), most, now, now + lease);
            let claimed: Option<DeliveryRow> = self.write(take).await?;
            if let Some(claimed) = claimed {
                return Ok(Some(claimed.claimed(lane.failures)?));
            }
            // A lane that had nothing to give is not due any more, or another engine was faster.
        }
    }

    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let ClaimedDelivery {
            delivery, fence, ..
        } = claimed;
        let now = times::exact(now);
        let (pace, held, failed) = lanes::parts_of(settlement.pace);
        let text = format!("{{ {SETTLE} {SETTLE_LANE} RETURN NONE; }}");
        let statement = Statement::new(text)
            .about(format!("delivery `{}`", delivery.event))
            .bind("webhook", delivery.webhook.to_string())
            .bind("event", delivery.event.to_string())
            .bind("fence", *fence)
            .bind("tried", to_json(row::DELIVERY, &settlement.tried)?)
            .bind("state", settlement.state.as_str())
            .bind("next_at", times::exact(settlement.next_at))
            .bind("kept", KEPT_TRIES as u64)
            .bind("leased_until", delivery.next_at)
            .bind("pace", pace)
            .bind("held", held.map(times::exact))
            .bind("failed", failed)
            .bind("now", now);
        self.put_into_lanes(statement, now).await
    }

    async fn release_deliveries(&self, webhook: WebhookId, now: DateTime<Utc>) -> Result<()> {
        let now = times::exact(now);
        let statement = Statement::new(format!("{{ {RELEASE} RETURN NONE; }}"))
            .about(subject(webhook))
            .bind("webhook", webhook.to_string())
            .bind("now", now);
        self.put_into_lanes(statement, now).await
    }

    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>> {
        let place: Place<EventId> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND event < $before",
            None => "",
        };
        let statement = Statement::new(format!(
            "SELECT * FROM webhook_delivery WHERE webhook = $webhook {beginning} \
             ORDER BY event DESC LIMIT $rows"
        ))
        .bind("webhook", webhook.to_string())
        .bind("before", place.before.map(|id| id.to_string()))
        .bind("rows", place.rows);
        let rows: Vec<DeliveryRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |one: &Delivery| one.event))
    }

    async fn redeliver(
        &self,
        webhook: WebhookId,
        event: EventId,
        now: DateTime<Utc>,
    ) -> Result<Delivery> {
        let now = times::exact(now);
        let text = format!("{{ {REDELIVER} {RELEASE} {PUT_INTO_LANES} RETURN $begun; }}");
        let statement = Statement::new(text)
            .about(format!("delivery of `{event}`"))
            .bind("lanes", lanes::one(webhook, event))
            .bind("webhook", webhook.to_string())
            .bind("event", event.to_string())
            .bind("now", now);
        let row: DeliveryRow = self.put_into_lanes(statement, now).await?;
        Ok(Delivery::try_from(row)?)
    }

    async fn forget_deliveries(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        let statement = Statement::new(
            "{
                LET $old = SELECT id, created_at FROM webhook_delivery
                    WHERE created_at < $before AND state != 'pending'
                    ORDER BY created_at LIMIT $limit;
                DELETE $old.map(|$row| $row.id) RETURN NONE;
                RETURN array::len($old);
            }",
        )
        .bind("before", before)
        .bind("limit", limit.min(u32::MAX as usize));
        Ok(self.write(statement).await?)
    }

    async fn forget_deliveries_of(&self, webhook: WebhookId, limit: usize) -> Result<u64> {
        let statement = Statement::new(
            "{
                LET $all = SELECT VALUE id FROM webhook_delivery WHERE webhook = $webhook LIMIT $limit;
                DELETE $all RETURN NONE;
                IF array::len($all) < $limit {
                    DELETE type::record('webhook_lane', $webhook) RETURN NONE;
                };
                RETURN array::len($all);
            }",
        )
        .bind("webhook", webhook.to_string())
        .bind("limit", limit.min(u32::MAX as usize));
        Ok(self.write(statement).await?)
    }
}

impl SurrealStore {
    /// After it lanes may be due from `now` on.
    async fn put_into_lanes<T: SurrealValue>(
        &self,
        statement: Statement,
        now: DateTime<Utc>,
    ) -> Result<T> {
        let _turn = self.in_lanes().await;
        let put = self.write(statement).await;
        // Also where nobody knows whether it was.
        self.delivered().put(now);
        Ok(put?)
    }
}

fn subject(id: WebhookId) -> String {
    format!("webhook `{id}`")
}
