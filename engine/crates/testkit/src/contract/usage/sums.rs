//! Sums of records by dimensions.

use inkstone_domain::chat::Usage;
use inkstone_domain::ids::{KeyId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{
    CacheUse, Outcome, UsageDimension, UsageFilter, UsageGroup, UsageRecord,
};

use super::{bare, new_name};
use crate::sample;

pub async fn run(store: &dyn UsageLedger) {
    sums_everything_of_a_record(store).await;
    groups_by_every_dimension(store).await;
    groups_by_several_dimensions(store).await;
    one_group_without_a_dimension(store).await;
}

pub async fn sums_everything_of_a_record(store: &dyn UsageLedger) {
    let user = UserId::new();
    let record = |outcome, cache| UsageRecord {
        outcome,
        cache,
        ..sample::usage_record(user)
    };
    let records = [
        record(Outcome::Succeeded, CacheUse::None),
        record(Outcome::Succeeded, CacheUse::Exact),
        record(Outcome::Succeeded, CacheUse::Semantic),
        record(Outcome::Failed, CacheUse::None),
        record(Outcome::Failed, CacheUse::None),
        record(Outcome::Cancelled, CacheUse::None),
        bare(user),
    ];
    store.append(&records).await.unwrap();
    let groups = sum(store, &of(user), &[UsageDimension::User]).await;
    let one = sample::usage();
    let expected = UsageGroup {
        values: vec![user.to_string()],
        attempts: 7,
        succeeded: 3,
        failed: 2,
        cancelled: 2,
        cache_hits: 3,
        usage: Usage {
            input_tokens: 6 * one.input_tokens,
            output_tokens: 6 * one.output_tokens,
            cached_input_tokens: 6 * one.cached_input_tokens,
            reasoning_tokens: 6 * one.reasoning_tokens,
        },
        cost: Money(6 * records[0].cost.0),
        latency_ms_total: 6 * records[0].latency_ms,
    };
    assert_eq!(groups, [expected]);
}

pub async fn groups_by_every_dimension(store: &dyn UsageLedger) {
    let user = UserId::new();
    let (key, project) = (KeyId::new(), new_name("project"));
    let mut first = sample::usage_record(user);
    first.at = "2026-07-01T00:00:00Z".parse().unwrap();
    first.key = Some(key);
    first.project = Some(project.clone());
    first.model = "a/one".to_owned();
    first.plugin = "provider-a".to_owned();
    let mut second = sample::usage_record(user);
    second.at = "2026-07-01T23:59:59.999Z".parse().unwrap();
    second.key = None;
    second.project = None;
    second.model = "b/two".to_owned();
    second.plugin = "provider-b".to_owned();
    store.append(&[first, second]).await.unwrap();

    let key = key.to_string();
    let user_text = user.to_string();
    // What a record does not have is an empty text, and comes first.
    for (dimension, expected) in [
        (UsageDimension::Day, vec!["2026-07-01"]),
        (UsageDimension::Model, vec!["a/one", "b/two"]),
        (UsageDimension::Key, vec!["", &key]),
        (UsageDimension::User, vec![&user_text]),
        (UsageDimension::Project, vec!["", &project]),
        (UsageDimension::Plugin, vec!["provider-a", "provider-b"]),
    ] {
        let groups = sum(store, &of(user), &[dimension]).await;
        let values: Vec<&String> = groups.iter().flat_map(|group| &group.values).collect();
        assert_eq!(values, expected, "{dimension:?}");
        let attempts: u64 = groups.iter().map(|group| group.attempts).sum();
        assert_eq!(attempts, 2, "{dimension:?}");
    }
}

pub async fn groups_by_several_dimensions(store: &dyn UsageLedger) {
    let user = UserId::new();
    let mut records = Vec::new();
    for (day, model, times) in [
        ("2026-06-30", "é/x", 1),
        ("2026-06-30", "a/x", 2),
        ("2026-07-01", "a/x", 3),
        ("2026-07-01", "Z/x", 1),
        ("2026-07-02", "a/x", 1),
    ] {
        records.extend((0..times).map(|_| UsageRecord {
            at: format!("{day}T12:00:00Z").parse().unwrap(),
            model: model.to_owned(),
            ..sample::usage_record(user)
        }));
    }
    store.append(&records).await.unwrap();
    let filter = UsageFilter {
        to: Some("2026-07-01".parse().unwrap()),
        ..of(user)
    };
    let by = [UsageDimension::Day, UsageDimension::Model];
    let counts = counted(sum(store, &filter, &by).await);
    let expected = [
        (vec!["2026-06-30", "a/x"], 2),
        (vec!["2026-06-30", "é/x"], 1),
        (vec!["2026-07-01", "Z/x"], 1),
        (vec!["2026-07-01", "a/x"], 3),
    ];
    assert_eq!(counts, expected.map(owned));

    let by = [UsageDimension::Model, UsageDimension::Day];
    let counts = counted(sum(store, &filter, &by).await);
    let expected = [
        (vec!["Z/x", "2026-07-01"], 1),
        (vec!["a/x", "2026-06-30"], 2),
        (vec!["a/x", "2026-07-01"], 3),
        (vec!["é/x", "2026-06-30"], 1),
    ];
    assert_eq!(counts, expected.map(owned));
}

pub async fn one_group_without_a_dimension(store: &dyn UsageLedger) {
    let user = UserId::new();
    let nothing = sum(store, &of(user), &[]).await;
    assert_eq!(nothing, [UsageGroup::default()]);
    let by_day = sum(store, &of(user), &[UsageDimension::Day]).await;
    assert_eq!(by_day, []);
    let records: Vec<UsageRecord> = (0..3).map(|_| sample::usage_record(user)).collect();
    store.append(&records).await.unwrap();
    let all = sum(store, &of(user), &[]).await;
    assert_eq!(counted(all), [(Vec::new(), 3)]);
}

fn of(user: UserId) -> UsageFilter {
    UsageFilter {
        user: Some(user),
        ..UsageFilter::default()
    }
}

fn counted(groups: Vec<UsageGroup>) -> Vec<(Vec<String>, u64)> {
    let pairs = groups
        .into_iter()
        .map(|group| (group.values, group.attempts));
    pairs.collect()
}

fn owned((values, attempts): (Vec<&str>, u64)) -> (Vec<String>, u64) {
    (values.into_iter().map(str::to_owned).collect(), attempts)
}

async fn sum(
    store: &dyn UsageLedger,
    filter: &UsageFilter,
    by: &[UsageDimension],
) -> Vec<UsageGroup> {
    store.sum_usage(filter, by).await.unwrap()
}
