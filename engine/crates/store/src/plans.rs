//! What tests ask of the plans of statements.

use chrono::{DateTime, TimeDelta};
use inkstone_domain::content::PageRequest;
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::following::Span;
use inkstone_domain::ids::{NoteId, UserId, WebhookId};
use inkstone_domain::ports::{ArticleStore, EventLog, NoteStore, PromptStore, WebhookStore};
use inkstone_domain::project::DEFAULT_PROJECT;
use inkstone_domain::webhook::{Delivery, DeliveryState};
use inkstone_testkit::{run_on_deep_stack, sample};
use serde_json::Value as Json;
use surrealdb::types::Value;

use crate::connection::{StoreConfig, SurrealStore};
use crate::events::PENDING;
use crate::pages::Place;
use crate::statement::Statement;
use crate::webhooks::lanes::{FIRST_LANE, HEADS};
use crate::{articles, documents, notes, times};

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

/// Of a project's notes, and of one author's among them.
#[test]
fn pages_of_notes_read_no_other_notes() {
    run_on_deep_stack(async {
        let store = store().await;
        let (author, audit) = (UserId::new(), sample::some_audit());
        let mut kept = Vec::new();
        for number in 0..40 {
            let by = [author, UserId::new()][number % 2];
            let project = ["handbook", "other"][number / 2 % 2];
            let note = sample::note(project, by);
            store.create_note(&note, audit).await.unwrap();
            kept.push(note.id);
        }
        let page = |cursor: Option<NoteId>| PageRequest {
            limit: 2,
            cursor: cursor.map(|id| id.to_string()),
        };
        for author in [None, Some(author)] {
            for cursor in [None, Some(kept[30])] {
                let place = Place::of(&page(cursor)).unwrap();
                let list = notes::list("handbook", author, &place);
                let about = format!("{author:?} {cursor:?}");
                assert_bounded(&store, list, "IndexScan", 3, &about).await;
            }
        }
    });
}

#[test]
fn looks_for_changes_read_what_changed_within_that_time() {
    run_on_deep_stack(async {
        let store = store().await;
        let article = sample::article(UserId::new());
        let creation = sample::creation(&article);
        store.create_article(creation).await.unwrap();
        let now = store.now().await.unwrap();
        let (prompt, version) = sample::prompt(DEFAULT_PROJECT, UserId::new());
        let audit = sample::some_audit();
        store.create_prompt(&prompt, &version, audit).await.unwrap();
        let within = Span {
            since: now - TimeDelta::minutes(1),
            until: Some(now + TimeDelta::minutes(1)),
        };
        for (changed, about) in [
            (articles::CHANGED, "articles"),
            (documents::CHANGED, "others"),
        ] {
            let changed = times::bind(Statement::new(changed), within);
            assert_bounded(&store, changed, "IndexScan", 1, about).await;
        }
    });
}
