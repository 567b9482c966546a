//! What the contract suite cannot see: figures beyond all measure, and a record that was added
//! between the look and the write.

use inkstone_domain::chat::Usage;
use inkstone_domain::ids::UserId;
use inkstone_domain::money::Money;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{UsageFilter, UsageRecord};
use inkstone_testkit::{run_on_deep_stack, sample};

use super::sums::MAX_FIGURE;
use crate::failure::{Refusal, StoreFailure};
use crate::plans::store;

#[test]
fn a_record_that_came_between_is_not_added_again() {
    run_on_deep_stack(async {
        let store = store().await;
        let old = sample::usage_record(UserId::new());
        let new = sample::usage_record(old.user);
        store
            .append_new(std::slice::from_ref(&old), Vec::new())
            .await
            .unwrap();
        let spent = store.spent_since(chrono::NaiveDate::MIN).await.unwrap();
        let both = [new, old.clone()];
        let Err(StoreFailure::Refused { refusal, .. }) = store.append_new(&both, Vec::new()).await
        else {
            panic!("a known record must be refused");
        };
        assert_eq!(refusal, Refusal::AlreadyExists);
        let after = store.spent_since(chrono::NaiveDate::MIN).await.unwrap();
        assert_eq!(after, spent);
        let all = UsageFilter::default();
        let kept = store.list_usage(&all, sample::first_page(9)).await.unwrap();
        assert_eq!(kept.items, [old]);
    });
}

#[test]
fn absurd_figures_do_not_break_sums() {
    run_on_deep_stack(async {
        let store = store().await;
        let records: Vec<UsageRecord> = (0..3)
            .map(|_| UsageRecord {
                usage: Usage {
                    input_tokens: u64::MAX,
                    ..Usage::default()
                },
                cost: Money(u64::MAX),
                latency_ms: u64::MAX,
                first_chunk_ms: Some(u64::MAX),
                ..sample::usage_record(UserId::new())
            })
            .collect();
        store.append(&records).await.unwrap();
        let all = UsageFilter::default();
        let sums = store.sum_usage(&all, &[]).await.unwrap();
        assert_eq!(sums[0].usage.input_tokens, 3 * MAX_FIGURE);
        assert_eq!(sums[0].cost, Money(3 * MAX_FIGURE));
        assert_eq!(sums[0].latency_ms_total, 3 * MAX_FIGURE);
        let kept = store.list_usage(&all, sample::first_page(9)).await.unwrap();
        assert_eq!(kept.items.len(), 3);
        for day in store.spent_since(chrono::NaiveDate::MIN).await.unwrap() {
            assert!(day.spend.tokens <= 3 * MAX_FIGURE, "{day:?}");
        }
    });
}
