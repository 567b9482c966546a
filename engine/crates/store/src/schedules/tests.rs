//! That neither a look for what is due nor a list reads more than it needs to.

use inkstone_domain::ids::UserId;
use inkstone_testkit::{run_on_deep_stack, sample};

use super::*;
use crate::plans::{assert_bounded, store};

#[test]
fn what_is_due_is_found_by_an_index() {
    run_on_deep_stack(async {
        let store = store().await;
        let owner = UserId::new();
        for _ in 0..40 {
            let schedule = sample::schedule(owner);
            store.create_schedule(&schedule).await.unwrap();
        }
        assert_bounded(&store, next_up(3), "IndexScan", 3, "the next ones").await;
        let request = sample::first_page(2);
        let first: Place<ScheduleId> = Place::of(&request).unwrap();
        for filter in [
            ScheduleFilter::default(),
            ScheduleFilter {
                owner: Some(owner),
                project: None,
            },
            ScheduleFilter {
                owner: None,
                project: Some("handbook".to_owned()),
            },
        ] {
            let page = page_of(&filter, &first);
            assert_bounded(&store, page, "IndexScan", 3, &format!("{filter:?}")).await;
        }
    });
}
