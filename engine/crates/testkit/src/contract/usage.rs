//! The suite of [`UsageLedger`].

use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{Outcome, UsageRecord};

use super::assert_code;
use crate::sample;

pub async fn run(store: &dyn UsageLedger) {
    keeps_records(store).await;
    takes_a_repeated_flush_once(store).await;
}

pub async fn keeps_records(store: &dyn UsageLedger) {
    let (user, other) = (UserId::new(), UserId::new());
    let mut records: Vec<UsageRecord> = (0..5).map(|_| sample::usage_record(user)).collect();
    records[1].outcome = Outcome::Failed;
    records[2].outcome = Outcome::Cancelled;
    records[2].job = None;
    records[2].first_chunk_ms = None;
    let foreign = sample::usage_record(other);
    store.append(&records[..3]).await.unwrap();
    store.append(&records[3..]).await.unwrap();
    store.append(std::slice::from_ref(&foreign)).await.unwrap();
    store.append(&[]).await.unwrap();

    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    let first = list(store, user, 3, None).await;
    assert_eq!(first.0, records[..3]);
    let second = list(store, user, 3, first.1).await;
    assert_eq!(second, (records[3..].to_vec(), None));

    let everybody = store.list_usage(None, sample::first_page(100)).await;
    let everybody = everybody.unwrap().items;
    assert!(everybody.contains(&foreign) && everybody.contains(&records[0]));
    let page = PageRequest {
        limit: 3,
        cursor: Some("use_".to_owned()),
    };
    let refused = store.list_usage(None, page).await;
    assert_code(refused, &codes::INVALID_INPUT);
}

pub async fn takes_a_repeated_flush_once(store: &dyn UsageLedger) {
    let user = UserId::new();
    let old = sample::usage_record(user);
    store.append(std::slice::from_ref(&old)).await.unwrap();
    let new = sample::usage_record(user);
    store.append(&[old.clone(), new.clone()]).await.unwrap();
    let (mut items, _) = list(store, user, 10, None).await;
    items.sort_by_key(|record| record.id != old.id);
    assert_eq!(items, vec![old, new]);
}

async fn list(
    store: &dyn UsageLedger,
    user: UserId,
    limit: usize,
    cursor: Option<String>,
) -> (Vec<UsageRecord>, Option<String>) {
    let page = PageRequest { limit, cursor };
    let page = store.list_usage(Some(user), page).await.unwrap();
    (page.items, page.next_cursor)
}
