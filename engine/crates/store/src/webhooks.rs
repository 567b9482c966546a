//! The tables `webhook` and `webhook_delivery`.

mod row;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{KEPT_TRIES, WebhookStore};
use inkstone_domain::webhook::{ClaimedDelivery, Delivery, DeliveryState, DeliveryTry, Webhook};
use surrealdb::types::SurrealValue;

use self::row::{DeliveryRow, WebhookRow};
use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::pages::Place;
use crate::row::to_json;
use crate::statement::Statement;

const CREATE: &str = "CREATE type::record('webhook', $row.key) CONTENT $row RETURN NONE;";
const UPDATE: &str = "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('webhook', $row.key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    UPDATE type::record('webhook', $row.key) CONTENT $row RETURN NONE;
";
const REMOVE: &str = "
    LET $stored = SELECT VALUE key FROM ONLY type::record('webhook', $key);
    IF $stored = NONE { THROW 'refused:not_found' };
    DELETE type::record('webhook', $key) RETURN NONE;
";
const PUT_DELIVERIES: &str = "{
    FOR $row IN $rows {
        LET $id = type::record('webhook_delivery', [$row.webhook, $row.event]);
        IF record::exists($id) = false { CREATE $id CONTENT $row RETURN NONE };
    };
    RETURN NONE;
}";
/// The first message that waits for a try, from a time on.
pub(crate) const FIRST_PENDING: &str = "\
    SELECT id, next_at FROM webhook_delivery WITH INDEX webhook_delivery_due \
    WHERE state = 'pending' AND next_at >= $from ORDER BY next_at LIMIT 1";
/// What a claim does with it.
const CLAIM: &str = "
    LET $claimed = IF $first != NONE AND $first.next_at <= $now {
        UPDATE ONLY $first.id SET next_at = $lease_until, fence += 1, attempts += 1 RETURN AFTER
    };
    RETURN { first: $first.next_at, claimed: $claimed };
";
const SETTLE: &str = "{
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
    RETURN NONE;
}";
const REDELIVER: &str = "{
    LET $id = type::record('webhook_delivery', [$webhook, $event]);
    IF record::exists($id) = false { THROW 'refused:not_found' };
    RETURN UPDATE ONLY $id SET state = 'pending', next_at = $now, attempts = 0, fence += 1
        RETURN AFTER;
}";

/// First part of a note; `$marked` is empty where nothing changed.
macro_rules! mark {
    () => {
        "{
    LET $marked = UPDATE type::record('webhook', $key)
        SET failing_since = $failing_since, is_enabled = $is_enabled
        WHERE failing_since != $failing_since OR is_enabled != $is_enabled RETURN AFTER;
"
    };
}

/// When the first is due that nobody has, and what was claimed.
#[derive(SurrealValue)]
struct FirstRow {
    first: Option<DateTime<Utc>>,
    claimed: Option<DeliveryRow>,
}

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

    async fn mark_webhook(
        &self,
        id: WebhookId,
        failing_since: Option<DateTime<Utc>>,
        is_enabled: bool,
        event: Option<&ScopedEvent>,
    ) -> Result<()> {
        let statement = match event {
            None => Statement::new(concat!(mark!(), "RETURN NONE; }")),
            Some(event) => Statement::new(concat!(
                mark!(),
                "IF array::is_empty($marked) { RETURN NONE };",
                tell!(),
                "RETURN NONE; }"
            ))
            .tell(event.clone())?,
        };
        let statement = statement
            .about(subject(id))
            .bind("key", id.to_string())
            .bind("failing_since", failing_since)
            .bind("is_enabled", is_enabled);
        Ok(self.write(statement).await?)
    }

    async fn put_deliveries(&self, deliveries: &[Delivery]) -> Result<()> {
        let rows: std::result::Result<Vec<DeliveryRow>, _> =
            deliveries.iter().map(DeliveryRow::of).collect();
        let statement = Statement::new(PUT_DELIVERIES)
            .about("deliveries")
            .bind("rows", rows?);
        self.write::<()>(statement).await?;
        for delivery in deliveries {
            self.delivered().put(delivery.next_at);
        }
        Ok(())
    }

    async fn claim_delivery(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDelivery>> {
        let statement = Statement::new(format!("{{ LET $first = ({FIRST_PENDING})[0]; {CLAIM} }}"))
            .about("deliveries")
            .bind("from", self.delivered().from())
            .bind("now", now)
            .bind("lease_until", now + lease);
        let FirstRow { first, claimed } = self.write(statement).await?;
        self.delivered().saw(first, now);
        Ok(claimed.map(ClaimedDelivery::try_from).transpose()?)
    }

    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        tried: &DeliveryTry,
        state: DeliveryState,
        next_at: DateTime<Utc>,
    ) -> Result<()> {
        let ClaimedDelivery { delivery, fence } = claimed;
        let statement = Statement::new(SETTLE)
            .about(format!("delivery `{}`", delivery.event))
            .bind("webhook", delivery.webhook.to_string())
            .bind("event", delivery.event.to_string())
            .bind("fence", *fence)
            .bind("tried", to_json(row::DELIVERY, tried)?)
            .bind("state", state.as_str())
            .bind("next_at", next_at)
            .bind("kept", KEPT_TRIES as u64);
        self.write::<()>(statement).await?;
        self.delivered().put(next_at);
        Ok(())
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
        let statement = Statement::new(REDELIVER)
            .about(format!("delivery of `{event}`"))
            .bind("webhook", webhook.to_string())
            .bind("event", event.to_string())
            .bind("now", now);
        let row: DeliveryRow = self.write(statement).await?;
        self.delivered().put(now);
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
                RETURN array::len($all);
            }",
        )
        .bind("webhook", webhook.to_string())
        .bind("limit", limit.min(u32::MAX as usize));
        Ok(self.write(statement).await?)
    }
}

fn subject(id: WebhookId) -> String {
    format!("webhook `{id}`")
}
