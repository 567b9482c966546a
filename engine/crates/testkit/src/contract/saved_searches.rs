//! What every store of saved searches promises.

use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{SavedSearchId, UserId};
use inkstone_domain::ports::SavedSearchStore;
use inkstone_domain::search::SavedSearch;

use super::assert_code;
use crate::sample;

/// Runs the whole suite.
pub async fn run(store: &dyn SavedSearchStore) {
    keeps_them_for_their_owner_alone(store).await;
    knows_those_with_alerts(store).await;
}

async fn keeps_them_for_their_owner_alone(store: &dyn SavedSearchStore) {
    let (ada, bob) = (UserId::new(), UserId::new());
    let first = sample::saved_search(ada);
    let second = SavedSearch {
        alerts_since: None,
        ..sample::saved_search(ada)
    };
    for search in [&first, &second] {
        store.create_saved_search(search).await.unwrap();
    }
    let twice = store.create_saved_search(&first).await;
    assert_code(twice, &codes::ALREADY_EXISTS);
    let read = store.saved_search(ada, first.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&first));
    assert_eq!(store.saved_search(bob, first.id).await.unwrap(), None);

    let page = |cursor| PageRequest { limit: 1, cursor };
    let newest = store.list_saved_searches(ada, page(None)).await.unwrap();
    assert_eq!(newest.items, std::slice::from_ref(&second));
    let rest = store.list_saved_searches(ada, page(newest.next_cursor));
    let rest = rest.await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![first.clone()], None));
    let of_bob = store.list_saved_searches(bob, page(None)).await.unwrap();
    assert_eq!(of_bob.items, []);

    let stolen = store.remove_saved_search(bob, first.id).await;
    assert_code(stolen, &codes::NOT_FOUND);
    store.remove_saved_search(ada, first.id).await.unwrap();
    let gone = store.remove_saved_search(ada, first.id).await;
    assert_code(gone, &codes::NOT_FOUND);
    store.remove_saved_search(ada, second.id).await.unwrap();
}

async fn knows_those_with_alerts(store: &dyn SavedSearchStore) {
    let owner = UserId::new();
    let alerting = [sample::saved_search(owner), sample::saved_search(owner)];
    let silent = SavedSearch {
        alerts_since: None,
        ..sample::saved_search(owner)
    };
    for search in alerting.iter().chain([&silent]) {
        store.create_saved_search(search).await.unwrap();
    }
    let mut found: Vec<SavedSearchId> = Vec::new();
    let mut after = None;
    loop {
        let some = store.searches_with_alerts(after, 1).await.unwrap();
        let Some(last) = some.last() else { break };
        after = Some(last.id);
        found.extend(
            some.iter()
                .filter(|one| one.owner == owner)
                .map(|one| one.id),
        );
    }
    assert_eq!(found, alerting.map(|search| search.id));
}
