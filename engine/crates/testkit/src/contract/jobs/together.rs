//! Jobs that wait for others, and batches.

use inkstone_domain::ids::BatchId;
use inkstone_domain::job::{BatchCounts, JobBatch};
use inkstone_domain::ports::{NewBatch, NewJob};

use super::*;

pub async fn run(jobs: &dyn JobStore, events: &dyn EventLog) {
    waits_for_all_it_is_to_come_after(jobs).await;
    what_waits_for_a_failure_is_cancelled_with_all_behind_it(jobs, events).await;
    comes_only_after_what_is_there_and_can_succeed(jobs).await;
    many_wait_for_one(jobs).await;
    ends_and_new_dependants_do_not_miss_each_other(jobs).await;
    a_batch_counts_its_jobs_and_ends_once(jobs, events).await;
    a_batch_is_whole_or_not_there(jobs).await;
    a_requeued_job_opens_its_batch_again(jobs, events).await;
}

fn after(owner: UserId, awaited: &[JobId]) -> NewJob {
    NewJob {
        after: awaited.to_vec(),
        ..sample::work(owner)
    }
}

async fn status(jobs: &dyn JobStore, id: JobId) -> JobStatus {
    jobs.job(id).await.unwrap().unwrap().status
}

/// Claims it and ends it well. Nothing else may be due.
async fn do_next(jobs: &dyn JobStore, id: JobId) {
    let held = claim(jobs, sample::now()).await.unwrap();
    assert_eq!(held.job.id, id);
    let body = EventBody::JobSucceeded {
        job: id,
        article: None,
    };
    let event = sample::event(held.job.owner, body);
    jobs.finish(id, held.fence, &json!(null), event)
        .await
        .unwrap();
}

async fn bury_next(jobs: &dyn JobStore, id: JobId) {
    let held = claim(jobs, sample::now()).await.unwrap();
    assert_eq!(held.job.id, id);
    let error = JobError {
        code: codes::UPSTREAM_TIMEOUT.name.to_owned(),
        message: "too slow".to_owned(),
    };
    let event = failure(held.job.owner, id, &error);
    jobs.bury(id, held.fence, &error, event).await.unwrap();
}

pub async fn waits_for_all_it_is_to_come_after(jobs: &dyn JobStore) {
    let owner = UserId::new();
    let one = jobs.submit(sample::work(owner)).await.unwrap();
    do_next(jobs, one.id).await;
    let two = jobs.submit(sample::work(owner)).await.unwrap();
    let three = jobs.submit(after(owner, &[two.id])).await.unwrap();
    let last = jobs
        .submit(after(owner, &[one.id, two.id, three.id]))
        .await
        .unwrap();
    assert_eq!(
        (three.status, last.status),
        (JobStatus::Waiting, JobStatus::Waiting)
    );
    assert_eq!(last.after, [one.id, two.id, three.id]);
    // Nothing of what was waited for is open any more.
    let at_once = jobs.submit(after(owner, &[one.id])).await.unwrap();
    assert_eq!(at_once.status, JobStatus::Queued);
    let event = cancellation(owner, at_once.id);
    jobs.request_cancel(at_once.id, event).await.unwrap();

    do_next(jobs, two.id).await;
    settle(jobs).await;
    assert_eq!(status(jobs, three.id).await, JobStatus::Queued);
    assert_eq!(status(jobs, last.id).await, JobStatus::Waiting);
    do_next(jobs, three.id).await;
    settle(jobs).await;
    do_next(jobs, last.id).await;
    settle(jobs).await;
    assert!(!jobs.settle_ends(sample::now(), 10).await.unwrap());
    close_all(jobs).await;
}

pub async fn what_waits_for_a_failure_is_cancelled_with_all_behind_it(
    jobs: &dyn JobStore,
    events: &dyn EventLog,
) {
    let owner = UserId::new();
    let dies = jobs.submit(sample::work(owner)).await.unwrap();
    let behind = jobs.submit(after(owner, &[dies.id])).await.unwrap();
    let far_behind = jobs.submit(after(owner, &[behind.id])).await.unwrap();
    bury_next(jobs, dies.id).await;
    settle(jobs).await;
    for (id, before) in [(behind.id, dies.id), (far_behind.id, behind.id)] {
        let job = jobs.job(id).await.unwrap().unwrap();
        assert_eq!(job.status, JobStatus::Cancelled);
        assert_eq!(job.finished_at, Some(sample::now()));
        let error = job.error.unwrap();
        assert_eq!(error.code, codes::DEPENDENCY_FAILED.name);
        assert!(
            error.message.contains(&before.to_string()),
            "{}",
            error.message
        );
        let told = all_events(events).await;
        let told = told
            .iter()
            .filter(|it| it.body == EventBody::JobCancelled { job: id });
        assert_eq!(told.count(), 1);
    }
    assert!(claim(jobs, sample::now()).await.is_none());

    // One by one they can be brought back.
    let line = LogLine::new(sample::now(), 0, "again");
    let behind = jobs.job(behind.id).await.unwrap().unwrap();
    let body = EventBody::JobRequeued { job: behind.id };
    let scope = inkstone_domain::event::Scope::of_job(&behind);
    let told = sample::event(owner, body).within(scope);
    jobs.requeue(behind.id, &line, &told).await.unwrap();
    do_next(jobs, behind.id).await;
    settle(jobs).await;
    assert_eq!(status(jobs, far_behind.id).await, JobStatus::Cancelled);

    // A job that waits can be cancelled, and takes what is behind it along.
    let first = jobs.submit(sample::work(owner)).await.unwrap();
    let waits = jobs.submit(after(owner, &[first.id])).await.unwrap();
    let last = jobs.submit(after(owner, &[waits.id])).await.unwrap();
    let event = cancellation(owner, waits.id);
    let cancelled = jobs.request_cancel(waits.id, event).await.unwrap();
    assert_eq!(cancelled.status, JobStatus::Cancelled);
    settle(jobs).await;
    assert_eq!(status(jobs, last.id).await, JobStatus::Cancelled);
    do_next(jobs, first.id).await;
    settle(jobs).await;
    assert_eq!(status(jobs, waits.id).await, JobStatus::Cancelled);
    close_all(jobs).await;
}

pub async fn comes_only_after_what_is_there_and_can_succeed(jobs: &dyn JobStore) {
    let owner = UserId::new();
    let unknown = jobs.submit(after(owner, &[JobId::new()])).await;
    assert_code(unknown, &codes::NOT_FOUND);
    let cancelled = jobs.submit(sample::work(owner)).await.unwrap();
    let event = cancellation(owner, cancelled.id);
    jobs.request_cancel(cancelled.id, event).await.unwrap();
    let refused = after(owner, &[cancelled.id]);
    assert_code(jobs.submit(refused.clone()).await, &codes::CONFLICT);
    assert_eq!(jobs.job(refused.id).await.unwrap(), None);
    close_all(jobs).await;
}

pub async fn many_wait_for_one(jobs: &dyn JobStore) {
    const MANY: usize = 7;
    let owner = UserId::new();
    let first = jobs.submit(sample::work(owner)).await.unwrap();
    let waiting = (0..MANY).map(|_| jobs.submit(after(owner, &[first.id])));
    let waiting = join_all(waiting).await;
    do_next(jobs, first.id).await;
    // Two at a time, in as many pieces as it takes.
    let mut pieces = 0;
    while jobs.settle_ends(sample::now(), 2).await.unwrap() {
        pieces += 1;
        assert!(pieces <= MANY);
    }
    assert!(pieces >= MANY / 2);
    for job in waiting {
        assert_eq!(status(jobs, job.unwrap().id).await, JobStatus::Queued);
    }
    close_all(jobs).await;
}

/// One ends while others ask to come after it: whatever comes first, nobody waits for ever.
pub async fn ends_and_new_dependants_do_not_miss_each_other(jobs: &dyn JobStore) {
    for _ in 0..5 {
        let owner = UserId::new();
        let first = jobs.submit(sample::work(owner)).await.unwrap();
        let ending = do_next(jobs, first.id);
        let asking = join_all((0..CROWD).map(|_| jobs.submit(after(owner, &[first.id]))));
        let ((), asked) = tokio::join!(ending, asking);
        settle(jobs).await;
        for job in asked {
            assert_eq!(status(jobs, job.unwrap().id).await, JobStatus::Queued);
        }
        close_all(jobs).await;
    }
}

fn batch(owner: UserId, jobs: Vec<NewJob>) -> NewBatch {
    NewBatch {
        id: BatchId::new(),
        owner,
        name: "ten “tides”".to_owned(),
        jobs,
        created_at: sample::now(),
    }
}

async fn endings(events: &dyn EventLog, id: BatchId) -> Vec<BatchCounts> {
    let told = all_events(events).await.into_iter();
    let counts = told.filter_map(|event| match event.body {
        EventBody::BatchEnded { batch, counts } if batch == id => Some(counts),
        _ => None,
    });
    counts.collect()
}

pub async fn a_batch_counts_its_jobs_and_ends_once(jobs: &dyn JobStore, events: &dyn EventLog) {
    let owner = UserId::new();
    let first = sample::work(owner);
    let second = after(owner, &[first.id]);
    let mut later = sample::work(owner);
    later.run_at += LEASE;
    let ids = [first.id, second.id, later.id];
    let new = batch(owner, vec![first, second, later]);
    let made = jobs.submit_batch(new.clone()).await.unwrap();
    let counts = BatchCounts {
        waiting: 1,
        queued: 2,
        ..BatchCounts::default()
    };
    let want = JobBatch {
        id: new.id,
        owner,
        name: new.name.clone(),
        counts,
        created_at: new.created_at,
        ended_at: None,
    };
    assert_eq!(made, want);
    assert_eq!(jobs.batch(new.id).await.unwrap(), Some(want));
    assert_eq!(jobs.batch(BatchId::new()).await.unwrap(), None);
    let of_it = JobFilter {
        batch: Some(new.id),
        ..JobFilter::default()
    };
    assert_eq!(all_jobs(jobs, &of_it).await.len(), 3);
    assert_eq!(jobs.job(ids[0]).await.unwrap().unwrap().batch, Some(new.id));

    do_next(jobs, ids[0]).await;
    settle(jobs).await;
    bury_next(jobs, ids[1]).await;
    settle(jobs).await;
    let open = jobs.batch(new.id).await.unwrap().unwrap();
    assert_eq!((open.counts.queued, open.ended_at), (1, None));
    assert_eq!(endings(events, new.id).await, []);
    let event = cancellation(owner, ids[2]);
    jobs.request_cancel(ids[2], event).await.unwrap();
    // Two engines see to it at once.
    let (one, two) = tokio::join!(
        jobs.settle_ends(sample::now(), 10),
        jobs.settle_ends(sample::now(), 10)
    );
    assert!(one.is_ok() && two.is_ok());
    settle(jobs).await;
    let ended = jobs.batch(new.id).await.unwrap().unwrap();
    let counts = BatchCounts {
        succeeded: 1,
        dead: 1,
        cancelled: 1,
        ..BatchCounts::default()
    };
    assert_eq!(
        (ended.counts, ended.ended_at),
        (counts, Some(sample::now()))
    );
    assert_eq!(endings(events, new.id).await, [counts]);
    close_all(jobs).await;
}

pub async fn a_batch_is_whole_or_not_there(jobs: &dyn JobStore) {
    let owner = UserId::new();
    let good = sample::work(owner);
    let bad = after(owner, &[JobId::new()]);
    let new = batch(owner, vec![good.clone(), bad]);
    assert_code(jobs.submit_batch(new.clone()).await, &codes::NOT_FOUND);
    assert_eq!(jobs.job(good.id).await.unwrap(), None);
    assert_eq!(jobs.batch(new.id).await.unwrap(), None);
    assert!(claim(jobs, sample::now()).await.is_none());
}

pub async fn a_requeued_job_opens_its_batch_again(jobs: &dyn JobStore, events: &dyn EventLog) {
    let owner = UserId::new();
    let new = batch(owner, vec![sample::work(owner)]);
    let id = new.jobs[0].id;
    jobs.submit_batch(new.clone()).await.unwrap();
    bury_next(jobs, id).await;
    settle(jobs).await;
    assert_eq!(endings(events, new.id).await.len(), 1);
    let job = jobs.job(id).await.unwrap().unwrap();
    let scope = inkstone_domain::event::Scope::of_job(&job);
    let told = sample::event(owner, EventBody::JobRequeued { job: id }).within(scope);
    let line = LogLine::new(sample::now(), 0, "again");
    jobs.requeue(id, &line, &told).await.unwrap();
    assert_eq!(jobs.batch(new.id).await.unwrap().unwrap().ended_at, None);
    do_next(jobs, id).await;
    settle(jobs).await;
    let ended = jobs.batch(new.id).await.unwrap().unwrap();
    assert_eq!(
        (ended.counts.succeeded, ended.ended_at),
        (1, Some(sample::now()))
    );
    assert_eq!(endings(events, new.id).await.len(), 2);
    close_all(jobs).await;
}
