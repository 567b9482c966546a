//! The engine's own work in the queue: done, resumed, refused, cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::JobId;
use inkstone_domain::job::{JobStatus, Progress, WorkTask};
use inkstone_domain::ports::EventLog;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, Result, codes};
use inkstone_services::jobs::{Work, WorkKind, WorkKinds, WorkerPowers};
use inkstone_testkit::Gate;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::world::{World, job_when};

/// Counts to its input's `to`, and stumbles once at `stumbles_at`.
#[derive(Default)]
struct Counting {
    stumbles_at: Option<u32>,
    steps: AtomicU32,
    waits: Option<Gate>,
}

#[async_trait]
impl WorkKind for Counting {
    fn name(&self) -> &'static str {
        "count"
    }

    async fn run(&self, work: &Work<'_>) -> Result<Value> {
        let input: Value = work.input()?;
        let to = u32::try_from(input["to"].as_u64().unwrap()).unwrap();
        let begun: u32 = work.checkpoint()?.unwrap_or(0);
        if let Some(gate) = &self.waits {
            gate.pass().await;
        }
        for step in begun..to {
            if self.stumbles_at == Some(step) && work.job().attempts == 1 {
                return Err(Error::new(&codes::STORE_UNAVAILABLE, "not now"));
            }
            self.steps.fetch_add(1, Ordering::SeqCst);
            work.save_checkpoint(&(step + 1)).await?;
            work.progress(Progress {
                step: "counting".to_owned(),
                done: step + 1,
                total: to,
            });
        }
        Ok(json!({ "counted": to, "for": work.principal().user, "in": work.project() }))
    }
}

/// Does such work until it is dropped.
fn working(world: &World, kind: Arc<Counting>) -> AbortOnDropHandle<()> {
    let worker = world.services.jobs.worker(WorkerPowers {
        users: world.store.clone(),
        chat: world.services.chat.clone(),
        search: world.services.search.clone(),
        kinds: WorkKinds::new([kind as Arc<dyn WorkKind>]),
    });
    AbortOnDropHandle::new(tokio::spawn(async move {
        worker.run(1, CancellationToken::new()).await;
    }))
}

async fn add(world: &World, who: &Principal, kind: &str) -> JobId {
    let work = WorkTask {
        kind: kind.to_owned(),
        project: "handbook".to_owned(),
        input: json!({ "to": 3 }),
    };
    let queue = world.services.jobs.queue();
    queue.add(who.user, work).await.unwrap().id
}

#[tokio::test]
async fn work_ends_with_its_result() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let _worker = working(&world, Arc::default());
    let id = add(&world, &ada, "count").await;
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Succeeded);
    let result = json!({ "counted": 3, "for": ada.user, "in": "handbook" });
    assert_eq!((job.result, job.article), (Some(result), None));
    let events = world.store.events(None, 10).await.unwrap();
    let body = EventBody::JobSucceeded {
        job: id,
        article: None,
    };
    assert!(events.iter().any(|event| event.body == body));
}

#[tokio::test]
async fn a_fault_that_passes_resumes_at_the_checkpoint() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let kind = Arc::new(Counting {
        stumbles_at: Some(2),
        ..Counting::default()
    });
    let _worker = working(&world, kind.clone());
    let id = add(&world, &ada, "count").await;
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    assert_eq!((job.status, job.attempts), (JobStatus::Succeeded, 2));
    assert_eq!(kind.steps.load(Ordering::SeqCst), 3, "no step twice");
}

#[tokio::test]
async fn unknown_work_waits_for_who_does_it_and_says_so() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let _worker = working(&world, Arc::default());
    let id = add(&world, &ada, "knit").await;
    let job = job_when(&world.store, id, |job| job.error.is_some()).await;
    let error = job.error.unwrap();
    assert_eq!((job.status, job.attempts), (JobStatus::Queued, 0));
    assert!(error.message.contains("`knit`"), "{}", error.message);
    // Nobody does, for a day.
    world.clock.advance(Duration::from_secs(86_400));
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Dead);
    assert!(job.error.unwrap().message.contains("`knit`"));
}

#[tokio::test]
async fn running_work_can_be_cancelled() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let gate = Gate::closed();
    let kind = Arc::new(Counting {
        waits: Some(gate.clone()),
        ..Counting::default()
    });
    let _worker = working(&world, kind.clone());
    let id = add(&world, &ada, "count").await;
    gate.reached().await;
    world.services.jobs.cancel(&ada, id).await.unwrap();
    let job = job_when(&world.store, id, |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Cancelled);
    assert_eq!(kind.steps.load(Ordering::SeqCst), 0);
}
