//! What every store of search settings promises.

use inkstone_domain::codes;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{AuditLog, SearchSettingsStore};
use inkstone_domain::search::{Lexicon, SearchSettings};

use super::assert_code;
use crate::sample;

/// Runs the whole suite.
pub async fn run(store: &dyn SearchSettingsStore, audit: &dyn AuditLog) {
    let project = "contract-search-settings";
    for nobodys in [project, ""] {
        assert_eq!(store.search_settings(nobodys).await.unwrap(), None);
    }
    let first = sample::search_settings(project);
    let entry = sample::audit(UserId::new());
    let head = audit.audit_head().await.unwrap();
    store.put_search_settings(&first, &entry).await.unwrap();
    assert_eq!(
        audit.audit_head().await.unwrap().seq,
        head.seq + 1,
        "a change and its entry are there both"
    );
    let stored = store.search_settings(project).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&first));

    let twice = store.put_search_settings(&first, &entry).await;
    assert_code(twice, &codes::REVISION_MISMATCH);
    let ahead = SearchSettings {
        revision: 3,
        ..first.clone()
    };
    let ahead = store.put_search_settings(&ahead, &entry).await;
    assert_code(ahead, &codes::REVISION_MISMATCH);

    let second = SearchSettings {
        lexicon: Lexicon::default(),
        revision: 2,
        ..first
    };
    store.put_search_settings(&second, &entry).await.unwrap();
    let stored = store.search_settings(project).await.unwrap();
    assert_eq!(stored, Some(second));
    let other = store.search_settings("contract-search-other").await;
    assert_eq!(other.unwrap(), None);
    assert_eq!(audit.audit_head().await.unwrap().seq, head.seq + 2);
}
