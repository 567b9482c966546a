//! Whose turn it is. What waits for one webhook is a lane, with a row that says when a claim is to look at it: so a claim
//! takes the first lane that is due and its head, two steps in two indexes, and passes no message of a webhook that
//! is held or busy. A lane that was served goes behind the others. Whoever changes what is pending writes the row in the
//! same transaction, or after it and again where that was not reached.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::webhook::{Delivery, Pace};
use surrealdb::types::SurrealValue;

use crate::statement::Statement;

/// The first lane in which something is pending, from a time on.
pub(crate) const FIRST_LANE: &str = "\
    SELECT * FROM webhook_lane WITH INDEX webhook_lane_due \
    WHERE due_at >= $from ORDER BY due_at LIMIT 1";
/// Its head, and what comes after it.
pub(crate) const HEADS: &str = "\
    SELECT event, next_at FROM webhook_delivery WITH INDEX webhook_delivery_next \
    WHERE webhook = $webhook AND state = 'pending' AND next_at >= $first_at ORDER BY next_at LIMIT 2";

/// Last part of a put: `$lanes` says what was put up for which webhook. What has been there before keeps its time, and the
/// lane is due from `$now` on at the earliest: looks begin not long before it.
pub(super) const PUT_INTO_LANES: &str = "
    FOR $new IN $lanes {
        LET $put = $new.events.map(|$event: string| type::record('webhook_delivery', [$new.webhook, $event]));
        LET $first_at = array::min(SELECT VALUE next_at FROM $put WHERE state = 'pending');
        IF $first_at = NONE { CONTINUE };
        LET $id = type::record('webhook_lane', $new.webhook);
        LET $lane = SELECT * FROM ONLY $id;
        LET $due_at = array::max([$first_at, $now, $lane.held_until, $lane.busy_until]);
        LET $is_empty = $lane.due_at = NONE;
        UPSERT $id CONTENT {
            webhook: $new.webhook,
            first_at: IF $is_empty { $first_at } ELSE { array::min([$lane.first_at, $first_at]) },
            due_at: IF $is_empty { $due_at } ELSE { array::min([$lane.due_at, $due_at]) },
            held_until: $lane.held_until,
            busy_until: $lane.busy_until,
            leases: $lane.leases ?? [],
            failures: $lane.failures ?? 0,
            turn: ($lane.turn ?? 0) + 1
        } RETURN NONE;
    };
";
/// Last part of a settlement.
pub(super) const SETTLE_LANE: &str = "
    LET $lane_id = type::record('webhook_lane', $webhook);
    LET $lane = SELECT * FROM ONLY $lane_id;
    IF $lane = NONE { RETURN NONE };
    LET $own = array::find_index($lane.leases, $leased_until);
    LET $others = IF $own = NONE { $lane.leases } ELSE { array::remove($lane.leases, $own) };
    LET $running = array::filter($others, |$until: datetime| $until > $now);
    LET $failures = IF $pace = 'full' { 0 } ELSE { array::max([$lane.failures, $failed]) };
    LET $held_until = IF $pace = 'full' { NONE } ELSE { array::max([$lane.held_until, $held]) };
    LET $busy_until = IF $failures > 0 { array::max($running) } ELSE { NONE };
    LET $first_at = IF $state = 'pending' { array::min([$lane.first_at, $next_at]) } ELSE { $lane.first_at };
    UPDATE $lane_id SET
        first_at = $first_at,
        due_at = array::max([$first_at, $held_until, $busy_until, $now]),
        held_until = $held_until,
        busy_until = $busy_until,
        leases = $running,
        failures = $failures,
        turn += 1
        RETURN NONE;
";
/// Ends that a lane is held.
pub(super) const RELEASE: &str = "
    UPDATE type::record('webhook_lane', $webhook) SET
        held_until = NONE,
        due_at = IF due_at = NONE { NONE } ELSE { array::min([due_at, array::max([$now, busy_until])]) },
        turn += 1
        RETURN NONE;
";

/// Takes what was found in a lane, where nobody has changed the lane since. It is found by statements of their own:
/// as parts of this one, with its variables, the database goes through all that waits.
pub(super) const TAKE: &str = "{
    LET $lane_id = type::record('webhook_lane', $webhook);
    IF (SELECT VALUE turn FROM ONLY $lane_id) != $turn { RETURN NONE };
    LET $claimed = IF $event != NONE {
        UPDATE type::record('webhook_delivery', [$webhook, $event])
            SET next_at = $lease_until, fence += 1, attempts += 1 RETURN AFTER
    };
    UPDATE $lane_id SET
        first_at = $first_at,
        due_at = $due_at,
        busy_until = $busy_until,
        leases = $leases,
        turn += 1
        RETURN NONE;
    RETURN $claimed[0];
}";

/// As a claim finds it.
#[derive(SurrealValue)]
pub(super) struct LaneRow {
    pub webhook: String,
    first_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    leases: Vec<DateTime<Utc>>,
    pub failures: u32,
    turn: u64,
}

#[derive(SurrealValue)]
pub(super) struct HeadRow {
    event: String,
    next_at: DateTime<Utc>,
}

impl LaneRow {
    /// Those whose time has not run out.
    fn leases_at(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        self.leases.iter().copied().filter(|it| *it > now).collect()
    }

    fn most(&self, most: usize) -> usize {
        if self.failures > 0 { 1 } else { most }
    }

    pub(super) fn has_room(&self, most: usize, now: DateTime<Utc>) -> bool {
        self.leases_at(now).len() < self.most(most)
    }

    pub(super) fn heads(&self) -> Statement {
        Statement::new(HEADS)
            .bind("webhook", self.webhook.clone())
            .bind("first_at", self.first_at)
    }

    /// [`TAKE`] of its head, where that is due; and when it is to be looked at again. `heads` is `None` where it has
    /// no room.
    pub(super) fn take(
        &self,
        heads: Option<&[HeadRow]>,
        most: usize,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Statement {
        let head = heads.and_then(<[HeadRow]>::first);
        let due = head.filter(|head| head.next_at <= now);
        let mut leases = self.leases_at(now);
        let first_at = if due.is_some() {
            leases.push(lease_until);
            let next = heads.and_then(|heads| heads.get(1));
            next.map_or(lease_until, |next| next.next_at.min(lease_until))
        } else {
            head.map_or(self.first_at, |head| head.next_at)
        };
        let is_full = leases.len() >= self.most(most);
        let busy_until = leases.iter().min().copied().filter(|_| is_full);
        let is_empty = heads.is_some_and(<[HeadRow]>::is_empty);
        let due_at = [Some(first_at), busy_until, Some(now)];
        let due_at = due_at.into_iter().flatten().max().filter(|_| !is_empty);
        Statement::new(TAKE)
            .about("deliveries")
            .bind("webhook", self.webhook.clone())
            .bind("turn", self.turn)
            .bind("event", due.map(|head| head.event.clone()))
            .bind("lease_until", lease_until)
            .bind("first_at", first_at)
            .bind("due_at", due_at)
            .bind("busy_until", busy_until)
            .bind("leases", leases)
    }
}

/// What is put into a lane.
#[derive(SurrealValue)]
pub(super) struct NewInLane {
    webhook: String,
    events: Vec<String>,
}

pub(super) fn lanes_of(deliveries: &[Delivery]) -> Vec<NewInLane> {
    let mut lanes: BTreeMap<WebhookId, Vec<String>> = BTreeMap::new();
    for delivery in deliveries {
        let lane = lanes.entry(delivery.webhook).or_default();
        lane.push(delivery.event.to_string());
    }
    let lanes = lanes.into_iter().map(|(webhook, events)| NewInLane {
        webhook: webhook.to_string(),
        events,
    });
    lanes.collect()
}

pub(super) fn one(webhook: WebhookId, event: EventId) -> Vec<NewInLane> {
    vec![NewInLane {
        webhook: webhook.to_string(),
        events: vec![event.to_string()],
    }]
}

/// As settlements take it: its name, until when the lane is held, and the failures.
pub(super) fn parts_of(pace: Pace) -> (&'static str, Option<DateTime<Utc>>, u32) {
    match pace {
        Pace::AsBefore => ("as_before", None, 0),
        Pace::Full => ("full", None, 0),
        Pace::Held { until, failures } => ("held", Some(until), failures),
    }
}
