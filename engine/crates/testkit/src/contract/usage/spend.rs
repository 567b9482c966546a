//! What each subject spent on each day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use futures::future::join_all;
use inkstone_domain::allowance::{DaySpend, Spend, Subject};
use inkstone_domain::ids::{KeyId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::UsageRecord;

use super::super::CROWD;
use super::{bare, new_name};
use crate::sample;

pub async fn run(store: &dyn UsageLedger) {
    adds_up_days_of_every_subject(store).await;
    adds_a_repeated_record_once(store).await;
    adds_a_whole_batch(store).await;
    adds_exactly_in_a_crowd(store).await;
    adds_the_same_batch_once_in_a_crowd(store).await;
}

pub async fn adds_up_days_of_every_subject(store: &dyn UsageLedger) {
    let (user, key) = (UserId::new(), KeyId::new());
    // Names that look like something else must not be mistaken for it.
    let (project, model) = (new_name("key:a/b "), new_name("no-slash:"));
    let at = |time: &str, cost| UsageRecord {
        at: time.parse().unwrap(),
        key: Some(key),
        project: Some(project.clone()),
        model: model.clone(),
        cost: Money(cost),
        ..sample::usage_record(user)
    };
    let records = [
        at("2026-05-01T23:59:59.999Z", 1),
        at("2026-05-02T00:00:00Z", 20),
        at("2026-05-02T23:59:59.999Z", 300),
        at("2026-05-03T00:00:00Z", 4_000),
    ];
    store.append(&records[..2]).await.unwrap();
    store.append(&records[2..]).await.unwrap();
    // A call without a key and a project counts for its user and model.
    let mut alone = bare(user);
    alone.at = records[3].at;
    alone.cost = Money(50_000);
    store.append(&[alone]).await.unwrap();

    let tokens = records[0].spend().tokens;
    let spend = |money, times| Spend {
        money: Money(money),
        tokens: times * tokens,
    };
    let bound = [
        Subject::Key(key),
        Subject::Project(project),
        Subject::Model(model),
    ];
    for subject in bound {
        let expected = [
            (day("2026-05-02"), spend(320, 2)),
            (day("2026-05-03"), spend(4_000, 1)),
        ];
        let days = days_of(store, &subject, day("2026-05-02")).await;
        assert_eq!(days, expected.into(), "{subject}");
    }
    let days = days_of(store, &Subject::User(user), day("2026-01-01")).await;
    let expected = [
        (day("2026-05-01"), spend(1, 1)),
        (day("2026-05-02"), spend(320, 2)),
        (day("2026-05-03"), spend(54_000, 1)),
    ];
    assert_eq!(days, expected.into());
    let later = days_of(store, &Subject::User(user), day("2026-05-04")).await;
    assert!(later.is_empty());
}

pub async fn adds_a_repeated_record_once(store: &dyn UsageLedger) {
    let user = UserId::new();
    let (old, new) = (sample::usage_record(user), sample::usage_record(user));
    store.append(std::slice::from_ref(&old)).await.unwrap();
    store.append(std::slice::from_ref(&old)).await.unwrap();
    // Known ones among new ones, and one twice in a batch.
    let batch = [old.clone(), new.clone(), new.clone()];
    store.append(&batch).await.unwrap();
    store.append(&batch).await.unwrap();
    assert_spent(store, user, &[old, new]).await;
}

pub async fn adds_a_whole_batch(store: &dyn UsageLedger) {
    let user = UserId::new();
    let records: Vec<UsageRecord> = (0..256).map(|_| sample::usage_record(user)).collect();
    store.append(&records).await.unwrap();
    assert_spent(store, user, &records).await;
}

pub async fn adds_exactly_in_a_crowd(store: &dyn UsageLedger) {
    let user = UserId::new();
    let records: Vec<UsageRecord> = (0..3 * CROWD).map(|_| sample::usage_record(user)).collect();
    let appends = records.chunks(3).map(|batch| store.append(batch));
    for appended in join_all(appends).await {
        appended.unwrap();
    }
    assert_spent(store, user, &records).await;
}

/// Not what the engine does, but what a lost answer and a slow first attempt come to.
pub async fn adds_the_same_batch_once_in_a_crowd(store: &dyn UsageLedger) {
    let user = UserId::new();
    let records: Vec<UsageRecord> = (0..3).map(|_| sample::usage_record(user)).collect();
    for appended in join_all((0..CROWD).map(|_| store.append(&records))).await {
        appended.unwrap();
    }
    assert_spent(store, user, &records).await;
}

/// The sums are those of the records, on whatever day it was.
async fn assert_spent(store: &dyn UsageLedger, user: UserId, records: &[UsageRecord]) {
    let mut expected: BTreeMap<NaiveDate, Spend> = BTreeMap::new();
    for record in records {
        *expected.entry(record.at.date_naive()).or_default() += record.spend();
    }
    let days = days_of(store, &Subject::User(user), day("2026-01-01")).await;
    assert_eq!(days, expected);
}

async fn days_of(
    store: &dyn UsageLedger,
    subject: &Subject,
    since: NaiveDate,
) -> BTreeMap<NaiveDate, Spend> {
    let spent = store.spent_since(since).await.unwrap();
    let own = spent.into_iter().filter(|it| it.subject == *subject);
    let mut days = BTreeMap::new();
    for DaySpend { day, spend, .. } in own {
        assert_eq!(days.insert(day, spend), None, "a day has one sum");
    }
    days
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}
