//! That neither a claim nor a list looks at more jobs than it needs to, however many there are, and that every lane
//! has its turn.

use inkstone_domain::ids::UserId;
use inkstone_domain::job::{Priority, Task};
use inkstone_testkit::{run_on_deep_stack, sample};

use super::claim::{FROM_FRONT, NEXT_HEAD};
use super::ends::NEXT_OF_BATCH;
use super::*;
use crate::plans::{assert_bounded, store};

const LEASE: Duration = Duration::from_secs(30);

async fn submit(store: &SurrealStore, project: &str, priority: Priority) -> Job {
    let mut job = sample::work(UserId::new());
    job.priority = priority;
    if let Task::Work(work) = &mut job.task {
        work.project = project.to_owned();
    }
    store.submit(job).await.unwrap()
}

#[test]
fn no_claim_scans_the_queue() {
    run_on_deep_stack(async {
        let store = store().await;
        for project in ["busy", "quiet"] {
            for _ in 0..40 {
                submit(&store, project, Priority::Normal).await;
            }
        }
        let next = || Statement::new(NEXT_HEAD);
        let first = next().bind("place", "1:");
        assert_bounded(&store, first, "IndexScan", 1, "the first lane").await;
        let second = next().bind("place", "1:busy media_variants ~");
        assert_bounded(&store, second, "IndexScan", 1, "the second lane").await;
        let in_lane = Statement::new(FROM_FRONT).bind("front", "1:quiet media_variants ");
        assert_bounded(&store, in_lane, "IndexScan", 1, "the head of a lane").await;
        for filter in [
            JobFilter::default(),
            JobFilter {
                status: Some(JobStatus::Queued),
                ..JobFilter::default()
            },
            JobFilter {
                project: Some("quiet".to_owned()),
                ..JobFilter::default()
            },
        ] {
            let piece = list::piece_of(&filter, None, 3);
            assert_bounded(&store, piece, "IndexScan", 3, &format!("{filter:?}")).await;
        }
    });
}

#[test]
fn every_lane_has_its_turn_where_there_are_many() {
    const PROJECTS: usize = 40;
    run_on_deep_stack(async {
        let store = store().await;
        for _ in 0..3 {
            for number in 0..PROJECTS {
                submit(&store, &format!("project-{number:02}"), Priority::Normal).await;
            }
        }
        submit(&store, "project-39", Priority::High).await;
        let limits = JobLimits::default();
        let mut served = std::collections::BTreeMap::<String, usize>::new();
        for round in 0..=PROJECTS {
            let claimed = store.claim("a", LEASE, &limits, sample::now()).await;
            let job = claimed.unwrap().unwrap().job;
            if round == 0 {
                assert_eq!(job.priority, Priority::High);
            }
            *served.entry(job.task.project().to_owned()).or_default() += 1;
        }
        // The one that had the first turn has no second before all had theirs.
        assert!(served.len() >= PROJECTS - 1, "{served:?}");
        assert!(served.values().all(|times| *times <= 2), "{served:?}");
    });
}

#[test]
fn whether_a_batch_is_open_is_seen_at_its_next_job() {
    run_on_deep_stack(async {
        let store = store().await;
        let owner = UserId::new();
        let batch = NewBatch {
            id: BatchId::new(),
            owner,
            name: "forty".to_owned(),
            jobs: (0..40).map(|_| sample::work(owner)).collect(),
            created_at: sample::now(),
        };
        store.submit_batch(batch.clone()).await.unwrap();
        let next = Statement::new(NEXT_OF_BATCH)
            .bind("batch_key", batch.id.to_string())
            .bind("key", batch.jobs[9].id.to_string());
        assert_bounded(&store, next, "IndexScan", 1, "the next of them").await;
    });
}
