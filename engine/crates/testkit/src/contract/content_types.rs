//! The suite of [`ContentTypeStore`].

use futures::future::join_all;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::codes;
use inkstone_domain::content::ContentType;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::ContentTypeStore;
use serde_json::json;

use super::{CROWD, assert_code};
use crate::sample;

fn audit() -> AuditRecord {
    sample::audit(UserId::new())
}

pub async fn run(store: &dyn ContentTypeStore) {
    keeps_what_it_is_given(store).await;
    one_of_many_changes(store).await;
}

pub async fn keeps_what_it_is_given(store: &dyn ContentTypeStore) {
    let first = sample::content_type();
    let second = sample::content_type();
    for new in [&second, &first] {
        store.create_content_type(new, &audit()).await.unwrap();
    }
    let again = store.create_content_type(&first, &audit()).await;
    assert_code(again, &codes::ALREADY_EXISTS);
    assert_eq!(store.content_type("no-such").await.unwrap(), None);
    let all = store.content_types().await.unwrap();
    assert!(all.is_sorted_by(|a, b| a.name < b.name));
    assert!(all.contains(&first) && all.contains(&second));

    let next = ContentType {
        title: "A recipe; 'quoted'".to_owned(),
        schema: json!({"type": "object", "maxProperties": 18446744073709551615_u64, "$comment": "水"}),
        revision: 2,
        ..first.clone()
    };
    store.replace_content_type(&next, &audit()).await.unwrap();
    let stored = store.content_type(&first.name).await.unwrap();
    assert_eq!(stored, Some(next.clone()));
    let stale = store.replace_content_type(&next, &audit()).await;
    assert_code(stale, &codes::REVISION_MISMATCH);
    let unknown = sample::content_type();
    let refused = store.replace_content_type(&unknown, &audit()).await;
    assert_code(refused, &codes::NOT_FOUND);
}

pub async fn one_of_many_changes(store: &dyn ContentTypeStore) {
    let new = sample::content_type();
    store.create_content_type(&new, &audit()).await.unwrap();
    let attempts = (0..CROWD).map(|number| {
        let next = ContentType {
            title: format!("Title {number}"),
            revision: 2,
            ..new.clone()
        };
        async move { store.replace_content_type(&next, &audit()).await }
    });
    let results = join_all(attempts).await;
    let (written, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(written.len(), 1);
    for result in refused {
        assert_code(result, &codes::REVISION_MISMATCH);
    }
}
