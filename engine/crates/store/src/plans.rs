//! What tests ask of the plans of statements.

use chrono::{DateTime, TimeDelta};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{UserId, WebhookId};
use inkstone_domain::ports::{EventLog, WebhookStore};
use inkstone_domain::webhook::{Delivery, DeliveryState};
use inkstone_testkit::{run_on_deep_stack, sample};
use serde_json::Value as Json;
use surrealdb::types::Value;

use crate::connection::{StoreConfig, SurrealStore};
use crate::events::PENDING;
use crate::statement::Statement;
use crate::webhooks::lanes::{FIRST_LANE, HEADS};

/// One of its own, in memory.
pub(crate) async fn store() -> SurrealStore {
    let config = StoreConfig {
        database: "plans".to_owned(),
        ..StoreConfig::default()
    };
    SurrealStore::connect(config).await.unwrap()
}

/// The statement scans in this way, neither filters nor sorts what it scans, and no step of it gives more rows.
pub(crate) async fn assert_bounded(
    store: &SurrealStore,
    statement: Statement,
    scan: &str,
    most_rows: usize,
    about: &str,
) {
    let (names, most) = rows_passed(store, statement).await;
    assert!(names.iter().any(|name| name == scan), "{about}: {names:?}");
    let bad = ["TableScan", "Filter", "Sort", "SortTopKByKey", "SortTopK"];
    assert!(
        !names.iter().any(|name| bad.contains(&name.as_str())),
        "{about}: {names:?}"
    );
    assert!(
        (1..=most_rows as u64).contains(&most),
        "{about}: {most} rows"
    );
}

/// The names of a plan's steps, and the most rows that one of them gave.
pub(crate) async fn rows_passed(store: &SurrealStore, statement: Statement) -> (Vec<String>, u64) {
    let plan: Value = store.read(statement.explained()).await.unwrap();
    let (mut names, mut most) = (Vec::new(), 0);
    steps(&plan.into_json_value(), &mut names, &mut most);
    (names, most)
}

/// Of every step of the plan its name, and the most rows that one of them gave.
fn steps(plan: &Json, names: &mut Vec<String>, most: &mut u64) {
    names.push(plan["operator"].as_str().unwrap_or_default().to_owned());
    let rows = plan["metrics"]["output_rows"].as_u64().unwrap_or_default();
    *most = rows.max(*most);
    for child in plan["children"].as_array().into_iter().flatten() {
        steps(child, names, most);
    }
}

#[test]
fn looks_for_what_is_pending_pass_nothing_else() {
    run_on_deep_stack(async {
        let store = store().await;
        let webhooks = [WebhookId::new(), WebhookId::new()];
        let mut deliveries = Vec::new();
        for number in 0..40 {
            let job = sample::work(UserId::new());
            let event = ScopedEvent::job_queued(job.id, job.owner, &job.task, job.enqueued_at);
            let delivery = Delivery {
                webhook: webhooks[number % 2],
                event: event.event.id,
                kind: "job.queued".to_owned(),
                payload: "{}".to_owned(),
                state: DeliveryState::Pending,
                next_at: sample::now() + TimeDelta::seconds(number as i64),
                attempts: 0,
                tries: Vec::new(),
                created_at: sample::now(),
            };
            store.append_event(&event).await.unwrap();
            deliveries.push(delivery);
        }
        store.put_deliveries(&deliveries).await.unwrap();
        let events = Statement::new(PENDING)
            .bind("from", DateTime::UNIX_EPOCH)
            .bind("limit", 3);
        assert_bounded(&store, events, "IndexScan", 3, "events").await;
        let lane = Statement::new(FIRST_LANE).bind("from", DateTime::UNIX_EPOCH);
        assert_bounded(&store, lane, "IndexScan", 1, "lanes").await;
        let heads = Statement::new(HEADS)
            .bind("webhook", webhooks[0].to_string())
            .bind("first_at", DateTime::UNIX_EPOCH);
        assert_bounded(&store, heads, "IndexScan", 2, "heads").await;
    });
}
