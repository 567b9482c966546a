//! The suite of [`UsageLedger`]: records, here; what is added up from them, in the files beside.

pub mod spend;
pub mod sums;

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::chat::Usage;
use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{JobId, KeyId, UsageId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{CacheUse, Outcome, UsageFilter, UsageRecord};

use super::assert_code;
use crate::sample;

pub async fn run(store: &dyn UsageLedger) {
    keeps_records(store).await;
    takes_a_repeated_flush_once(store).await;
    takes_records_far_apart(store).await;
    lists_what_a_filter_lets_through(store).await;
    lists_in_order_whatever_was_appended_when(store).await;
    sums::run(store).await;
    spend::run(store).await;
}

pub async fn keeps_records(store: &dyn UsageLedger) {
    let (user, other) = (UserId::new(), UserId::new());
    let mut records: Vec<UsageRecord> = (0..5).map(|_| sample::usage_record(user)).collect();
    records[1].outcome = Outcome::Failed;
    records[1].error_code = Some("upstream_error".to_owned());
    records[1].cache = CacheUse::Exact;
    records[2] = bare(user);
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

    let all = UsageFilter::default();
    let everybody = store.list_usage(&all, sample::first_page(100)).await;
    let everybody = everybody.unwrap().items;
    assert!(everybody.contains(&foreign) && everybody.contains(&records[0]));
    let page = PageRequest {
        limit: 3,
        cursor: Some("use_".to_owned()),
    };
    let refused = store.list_usage(&all, page).await;
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

/// What was kept for a day comes with what is new, and again.
pub async fn takes_records_far_apart(store: &dyn UsageLedger) {
    let user = UserId::new();
    let mut records: Vec<UsageRecord> = [0, 30, 90, 20 * 60, 26 * 60]
        .into_iter()
        .map(|minutes| {
            let at = sample::now() - TimeDelta::minutes(minutes);
            UsageRecord {
                id: UsageId::at(at),
                at,
                ..sample::usage_record(user)
            }
        })
        .collect();
    store.append(&records[3..4]).await.unwrap();
    let mut mixed = records.clone();
    mixed.extend(records.iter().rev().cloned());
    mixed.rotate_left(3);
    for _ in 0..2 {
        store.append(&mixed).await.unwrap();
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    assert_eq!(list(store, user, 10, None).await, (records, None));
}

pub async fn lists_what_a_filter_lets_through(store: &dyn UsageLedger) {
    let (user, key) = (UserId::new(), KeyId::new());
    let (project, model) = (new_name("project"), new_name("local/model"));
    let days = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"];
    let mut records = Vec::new();
    for (number, day) in days.iter().enumerate() {
        let at = format!("{day}T23:59:59.999Z").parse().unwrap();
        records.push(UsageRecord {
            id: UsageId::at(at),
            at,
            key: (number % 2 == 0).then_some(key),
            project: (number != 1).then(|| project.clone()),
            model: match number {
                0 => "local/other".to_owned(),
                _ => model.clone(),
            },
            ..sample::usage_record(user)
        });
    }
    store.append(&records).await.unwrap();
    store
        .append(&[sample::usage_record(UserId::new())])
        .await
        .unwrap();

    let of_user = UsageFilter {
        user: Some(user),
        ..UsageFilter::default()
    };
    let of_key = UsageFilter {
        key: Some(key),
        ..UsageFilter::default()
    };
    let of_project = UsageFilter {
        project: Some(project.clone()),
        ..UsageFilter::default()
    };
    let of_model = UsageFilter {
        model: Some(model.clone()),
        ..UsageFilter::default()
    };
    let of_days = UsageFilter {
        from: Some(days[1].parse().unwrap()),
        to: Some(days[2].parse().unwrap()),
        ..of_user.clone()
    };
    let of_all = UsageFilter {
        user: Some(user),
        key: Some(key),
        project: Some(project),
        model: Some(model),
        ..of_days.clone()
    };
    let of_nobody = UsageFilter {
        user: Some(UserId::new()),
        ..of_all.clone()
    };
    for (filter, expected) in [
        (&of_user, vec![3, 2, 1, 0]),
        (&of_key, vec![2, 0]),
        (&of_project, vec![3, 2, 0]),
        (&of_model, vec![3, 2, 1]),
        (&of_days, vec![2, 1]),
        (&of_all, vec![2]),
        (&of_nobody, vec![]),
    ] {
        let expected: Vec<UsageRecord> = expected.iter().map(|it| records[*it].clone()).collect();
        // One by one, so that every filter meets a cursor.
        let mut found = Vec::new();
        let mut page = sample::first_page(1);
        loop {
            let next = store.list_usage(filter, page).await.unwrap();
            found.extend(next.items);
            match next.next_cursor {
                Some(cursor) => {
                    page = PageRequest {
                        limit: 1,
                        cursor: Some(cursor),
                    }
                }
                None => break,
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// Records of several writers overlap, and what a journal kept comes late.
pub async fn lists_in_order_whatever_was_appended_when(store: &dyn UsageLedger) {
    let user = UserId::new();
    let project = new_name("late");
    let start: DateTime<Utc> = "2026-04-01T11:00:00Z".parse().unwrap();
    let mut records: Vec<UsageRecord> = (0..240)
        .map(|number| {
            let at = start + TimeDelta::minutes(number);
            UsageRecord {
                id: UsageId::at(at),
                at,
                project: (number % 3 == 0).then(|| project.clone()),
                ..sample::usage_record(user)
            }
        })
        .collect();
    for part in 0..7 {
        let batch: Vec<UsageRecord> = records.iter().skip(part).step_by(7).cloned().collect();
        let (early, late) = batch.split_at(batch.len() / 2);
        store.append(late).await.unwrap();
        store.append(early).await.unwrap();
    }
    records.reverse();
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let (items, next) = list(store, user, 37, cursor).await;
        found.extend(items);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, records);

    let of_project = UsageFilter {
        project: Some(project),
        ..UsageFilter::default()
    };
    let page = store.list_usage(&of_project, sample::first_page(100)).await;
    records.retain(|record| record.project.is_some());
    assert_eq!(page.unwrap().items, records);
}

/// A record that has none of what a record need not have.
fn bare(user: UserId) -> UsageRecord {
    UsageRecord {
        request_id: String::new(),
        key: None,
        project: None,
        job: None,
        usage: Usage::default(),
        cost: Money::ZERO,
        cache: CacheUse::Semantic,
        outcome: Outcome::Cancelled,
        latency_ms: 0,
        first_chunk_ms: None,
        ..sample::usage_record(user)
    }
}

/// A name that no other test has.
fn new_name(beginning: &str) -> String {
    format!("{beginning}-潮-{}", JobId::new())
}

async fn list(
    store: &dyn UsageLedger,
    user: UserId,
    limit: usize,
    cursor: Option<String>,
) -> (Vec<UsageRecord>, Option<String>) {
    let filter = UsageFilter {
        user: Some(user),
        ..UsageFilter::default()
    };
    let page = PageRequest { limit, cursor };
    let page = store.list_usage(&filter, page).await.unwrap();
    (page.items, page.next_cursor)
}
