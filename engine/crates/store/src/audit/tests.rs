//! What the list of the audit log passes on its way.

use chrono::TimeDelta;
use inkstone_domain::ids::UserId;
use inkstone_testkit::{run_on_deep_stack, sample};

use super::*;
use crate::plans::{assert_bounded, rows_passed, store};

/// A log of ten days with ten entries each, the engines of which have clocks of their own.
async fn ten_days(store: &SurrealStore, actors: &[UserId; 2]) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
    for number in 0..100 {
        let mut record = sample::audit(actors[number % 2]);
        let minutes = (number / 10 * 1_440 + number) as i64;
        let late = TimeDelta::minutes(if number % 7 == 0 { 1_500 } else { 0 });
        record.at = start + TimeDelta::minutes(minutes) + late;
        record.subject = format!("key:{}", number % 5);
        record.action = format!("key.{}", number % 3);
        store.append_audit(&record).await.unwrap();
    }
    start
}

#[test]
fn what_is_asked_of_the_log_is_found_by_index() {
    run_on_deep_stack(async {
        let store = store().await;
        let actors = [UserId::new(), UserId::new()];
        let start = ten_days(&store, &actors).await;
        let (actor, action, subject) = (
            Some(actors[0]),
            Some("key.1".to_owned()),
            Some("key:2".to_owned()),
        );
        let none = AuditFilter::default;
        let filters = [
            none(),
            AuditFilter { actor, ..none() },
            AuditFilter {
                action: action.clone(),
                ..none()
            },
            AuditFilter {
                subject: subject.clone(),
                ..none()
            },
            AuditFilter {
                actor,
                action: action.clone(),
                ..none()
            },
            AuditFilter {
                subject,
                action,
                ..none()
            },
        ];
        for filter in filters {
            for (after, before) in [(0, None), (20, None), (0, Some(70))] {
                let span = Span { after, before };
                for order in ["DESC", "ASC"] {
                    let about = format!("{filter:?} {after} {before:?} {order}");
                    let statement = filtered(&filter, span, order).bind("rows", 3_u64);
                    assert_bounded(&store, statement, "IndexScan", 3, &about).await;
                }
            }
            // Of a few days nothing else is looked at, or nothing but what fits beside.
            let fitting = match &filter {
                AuditFilter { actor: Some(_), .. } => 50,
                AuditFilter {
                    action: Some(_), ..
                } => 34,
                _ => 30,
            };
            let days = AuditFilter {
                from: Some(start + TimeDelta::days(2)),
                to: Some(start + TimeDelta::days(3)),
                ..filter
            };
            let span = store.span(&days).await.unwrap().unwrap();
            for order in ["DESC", "ASC"] {
                let statement = filtered(&days, span, order).bind("rows", 100_u64);
                let (names, passed) = rows_passed(&store, statement).await;
                assert!(names.contains(&"IndexScan".to_owned()), "{names:?}");
                assert!(passed <= fitting, "{days:?}: {passed} of 100");
            }
        }
    });
}

#[test]
fn entries_whose_clock_was_another_are_found() {
    run_on_deep_stack(async {
        let store = store().await;
        let actors = [UserId::new(), UserId::new()];
        let start = ten_days(&store, &actors).await;
        let all = store.audit_after(&AuditFilter::default(), 0, 1_000).await;
        let all = all.unwrap();
        for (from, to) in [(0, 240), (30, 42), (36, 37), (-50, 0), (230, 400), (-9, -3)] {
            let filter = AuditFilter {
                from: Some(start + TimeDelta::hours(from)),
                to: Some(start + TimeDelta::hours(to)),
                ..AuditFilter::default()
            };
            let found = store.audit_after(&filter, 0, 1_000).await.unwrap();
            let wanted = all.iter().filter(|entry| filter.fits(&entry.record));
            let wanted: Vec<AuditEntry> = wanted.cloned().collect();
            assert_eq!(found, wanted, "{from} {to}");
        }
    });
}
