//! What the contract suite cannot see: figures beyond all measure, and a record that was added
//! between the look and the write.

use chrono::TimeDelta;
use inkstone_domain::chat::Usage;
use inkstone_domain::ids::{UsageId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{UsageFilter, UsageRecord};
use inkstone_testkit::{run_on_deep_stack, sample};

use super::block;
use super::sums::MAX_FIGURE;
use crate::failure::{Refusal, StoreFailure};
use crate::plans::{assert_bounded, store};
use crate::statement::Statement;

#[test]
fn a_record_that_came_between_is_not_added_again() {
    run_on_deep_stack(async {
        let store = store().await;
        let old = sample::usage_record(UserId::new());
        let new = sample::usage_record(old.user);
        store.append_new(&[&old], Vec::new()).await.unwrap();
        let spent = store.spent_since(chrono::NaiveDate::MIN).await.unwrap();
        let both = [&new, &old];
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

/// An answer of yesterday that is said again brings its records again, beside those of now.
#[test]
fn an_old_record_does_not_read_a_day_of_the_ledger() {
    const BLOCKS: i64 = 10_000;
    run_on_deep_stack(async {
        let store = store().await;
        let (user, now) = (UserId::new(), sample::now());
        let ago = |seconds: i64| {
            let at = now - TimeDelta::seconds(seconds);
            UsageRecord {
                id: UsageId::at(at),
                at,
                ..sample::usage_record(user)
            }
        };
        let mut blocks = Vec::new();
        for number in 0..BLOCKS {
            let record = ago(86_400 * number / BLOCKS);
            blocks.extend(block::blocks(&[&record]).unwrap().0);
        }
        for some in blocks.chunks(1_000) {
            let text = "{ INSERT INTO usage_block $blocks RETURN NONE; RETURN NONE; }";
            let statement = Statement::new(text).bind("blocks", some.to_vec());
            let () = store.write(statement).await.unwrap();
        }
        let (old, new) = (ago(20 * 3_600), ago(120));
        let both = [new, old];
        let groups = block::groups(&both);
        assert_eq!(groups.len(), 2);
        for group in &groups {
            // What lies within an hour, and not twenty of them.
            let about = group[0].id.to_string();
            assert_bounded(&store, super::near(group), "IndexScan", 450, &about).await;
        }
        for _ in 0..2 {
            store.append(&both).await.unwrap();
            let sums = store.sum_usage(&UsageFilter::default(), &[]).await.unwrap();
            assert_eq!(sums[0].attempts, 2);
        }
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
