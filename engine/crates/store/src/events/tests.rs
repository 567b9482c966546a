//! That no event is passed over by looks that begin where the last one ended.

use inkstone_domain::ids::{JobId, UserId};
use inkstone_testkit::run_on_deep_stack;

use super::*;
use crate::plans::store;

/// Written so long ago that a look passes it once it was numbered.
async fn append_old(store: &SurrealStore) -> EventId {
    let body = EventBody::JobCancelled { job: JobId::new() };
    let event = Event {
        id: EventId::new(),
        at: Utc::now(),
        actor: UserId::new(),
        body,
    };
    let id = event.id;
    let scope = Scope::default();
    store
        .append_event(&ScopedEvent { event, scope })
        .await
        .unwrap();
    let aged = Statement::new(
        "{ UPDATE type::record('event', $key) SET told_at = time::now() - 10m RETURN NONE; RETURN NONE; }",
    );
    let aged = aged.bind("key", id.to_string());
    store.write::<()>(aged).await.unwrap();
    id
}

async fn run(store: &SurrealStore, text: &'static str) {
    store.write::<()>(Statement::new(text)).await.unwrap();
}

#[test]
fn what_failed_to_get_its_number_is_found_again() {
    run_on_deep_stack(async {
        let store = store().await;
        // The first look is a whole one; those after it go by the mark, which is before all here.
        assert_eq!(store.number_events(10).await.unwrap(), 0);
        store.numbered().put(DateTime::UNIX_EPOCH);
        let (first, second) = (append_old(&store).await, append_old(&store).await);
        run(
            &store,
            "DEFINE EVENT refuse ON event_head THEN { THROW 'not now' }",
        )
        .await;
        store.number_events(10).await.unwrap_err();
        run(&store, "REMOVE EVENT refuse ON event_head").await;

        // Later ones of the same thing must not be before them.
        assert_eq!(store.number_events(1).await.unwrap(), 1);
        assert_eq!(store.number_events(1).await.unwrap(), 2);
        assert_eq!(store.event_number(first).await.unwrap(), Some(1));
        assert_eq!(store.event_number(second).await.unwrap(), Some(2));
    });
}

#[test]
fn a_replay_from_a_whole_second_begins_with_all_of_it() {
    run_on_deep_stack(async {
        let store = store().await;
        append_old(&store).await;
        assert_eq!(store.number_events(10).await.unwrap(), 1);
        run(
            &store,
            "{ UPDATE event SET told_at = d'2026-01-01T00:00:00.5Z' RETURN NONE; RETURN NONE; }",
        )
        .await;
        for (at, before) in [
            ("2026-01-01T00:00:00Z", 0),
            ("2026-01-01T00:00:00.500Z", 0),
            ("2026-01-01T00:00:01Z", 1),
        ] {
            let number = store.number_before(at.parse().unwrap()).await.unwrap();
            assert_eq!(number, before, "{at}");
        }
    });
}
