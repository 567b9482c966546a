//! The suite of [`JobStore`], with what its transactions leave in the other stores. The store must
//! hold no open job at the start; none is left open at the end. Whose turn it is, is in `order`; what
//! follows from faults and ends, in `ends`; dependencies and batches in `together`.

mod ends;
mod order;
mod together;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::following::Span;
use inkstone_domain::ids::{JobId, UserId};
use inkstone_domain::job::{
    ClaimedJob, Job, JobError, JobFilter, JobLimits, JobStatus, LogLine, Progress,
};
use inkstone_domain::ports::{ArticleStore, EventLog, JobStore};
use serde_json::json;

use super::articles::expect_nudge;
use super::events::all_events;
use super::{CROWD, assert_code};
use crate::sample;

const LEASE: Duration = Duration::from_secs(30);

pub async fn run(jobs: &dyn JobStore, articles: &dyn ArticleStore, events: &dyn EventLog) {
    keeps_jobs(jobs).await;
    hands_out_the_oldest_first(jobs).await;
    each_job_goes_to_one_of_many(jobs).await;
    an_expired_lease_is_taken_over(jobs).await;
    one_of_many_takes_over(jobs).await;
    resumes_from_the_checkpoint(jobs).await;
    a_lost_fence_is_refused_everywhere(jobs, articles, events).await;
    an_ended_job_refuses_its_fence(jobs).await;
    succeeds_in_one_piece(jobs, articles, events).await;
    one_of_two_endings_wins(jobs, articles, events).await;
    fails(jobs, events).await;
    finishes_work_of_the_engine(jobs, events).await;
    cancels_queued_running_and_ended_jobs(jobs, events).await;
    lists_by_owner_and_page(jobs).await;
    order::run(jobs).await;
    ends::run(jobs, events).await;
    together::run(jobs, events).await;
}

pub async fn keeps_jobs(jobs: &dyn JobStore) {
    let new = sample::job(UserId::new());
    let job = jobs.submit(new.clone()).await.unwrap();
    assert_eq!(
        (job.id, job.owner, job.status),
        (new.id, new.owner, JobStatus::Queued)
    );
    assert_eq!((&job.task, job.enqueued_at), (&new.task, new.enqueued_at));
    assert_eq!((job.attempts, job.cancel_requested), (0, false));
    assert_eq!((job.started_at, job.finished_at), (None, None));
    assert_eq!(jobs.job(new.id).await.unwrap(), Some(job));
    assert_eq!(jobs.job(JobId::new()).await.unwrap(), None);
    assert_code(jobs.submit(new.clone()).await, &codes::ALREADY_EXISTS);
    let unknown = jobs.release(JobId::new(), 1).await;
    assert_code(unknown, &codes::NOT_FOUND);
    close_all(jobs).await;
    assert!(claim(jobs, sample::now()).await.is_none());
}

pub async fn hands_out_the_oldest_first(jobs: &dyn JobStore) {
    let owner = UserId::new();
    let mut newest = sample::job(owner);
    let mut oldest = sample::job(owner);
    newest.enqueued_at = sample::now();
    oldest.enqueued_at = newest.enqueued_at - Duration::from_secs(60);
    oldest.run_at = oldest.enqueued_at;
    jobs.submit(newest.clone()).await.unwrap();
    jobs.submit(oldest.clone()).await.unwrap();

    let now = sample::now();
    let first = claim(jobs, now).await.unwrap();
    assert_eq!(first.job.id, oldest.id);
    assert_eq!(
        (first.job.status, first.job.attempts),
        (JobStatus::Running, 1)
    );
    assert_eq!(first.job.started_at, Some(now));
    assert_eq!(first.checkpoint, None);
    assert_eq!(jobs.job(oldest.id).await.unwrap(), Some(first.job));
    assert_eq!(claim(jobs, now).await.unwrap().job.id, newest.id);
    assert!(claim(jobs, now).await.is_none());
    close_all(jobs).await;
}

pub async fn each_job_goes_to_one_of_many(jobs: &dyn JobStore) {
    // Fewer jobs than workers: some must come away with nothing.
    const JOBS: usize = 5;
    let owner = UserId::new();
    let mut submitted = BTreeSet::new();
    for _ in 0..JOBS {
        let job = jobs.submit(sample::job(owner)).await.unwrap();
        submitted.insert(job.id);
    }
    let now = sample::now();
    let claims = join_all((0..CROWD).map(|_| claim(jobs, now))).await;
    let handed_out: Vec<JobId> = claims.iter().flatten().map(|it| it.job.id).collect();
    assert_eq!(
        handed_out.len(),
        JOBS,
        "a job was handed out twice, or not at all"
    );
    assert_eq!(
        handed_out.iter().copied().collect::<BTreeSet<_>>(),
        submitted
    );
    for claimed in claims.iter().flatten() {
        assert_eq!(claimed.job.attempts, 1);
    }
    close_all(jobs).await;
}

pub async fn an_expired_lease_is_taken_over(jobs: &dyn JobStore) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let start = sample::now();
    let first = claim(jobs, start).await.unwrap();
    let almost = start + LEASE - Duration::from_millis(1);
    assert!(claim(jobs, almost).await.is_none());
    let progress = Progress {
        step: "Writing “ebb”".to_owned(),
        done: 1,
        total: 3,
    };
    let stop = jobs
        .heartbeat(job.id, first.fence, LEASE, &progress, almost)
        .await
        .unwrap();
    assert!(!stop);
    let stored = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!(stored.progress, progress);

    assert!(claim(jobs, start + LEASE).await.is_none());
    let second = claim(jobs, almost + LEASE).await.unwrap();
    assert_eq!(second.job.id, job.id);
    assert!(second.fence > first.fence);
    assert_eq!(second.job.attempts, 2);
    assert_eq!(second.job.started_at, Some(start));
    close_all(jobs).await;
}

pub async fn one_of_many_takes_over(jobs: &dyn JobStore) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let start = sample::now();
    let dead = claim(jobs, start).await.unwrap();
    let claims = join_all((0..CROWD).map(|_| claim(jobs, start + LEASE))).await;
    let takers: Vec<_> = claims.into_iter().flatten().collect();
    assert_eq!(takers.len(), 1);
    assert_eq!(takers[0].job.id, job.id);
    assert_eq!(takers[0].fence, dead.fence + 1);
    close_all(jobs).await;
}

pub async fn resumes_from_the_checkpoint(jobs: &dyn JobStore) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let start = sample::now();
    let first = claim(jobs, start).await.unwrap();
    let early = sample::checkpoint(b"section 1");
    let late = sample::checkpoint(b"section 2 \x00\xff");
    jobs.save_checkpoint(job.id, first.fence, &early)
        .await
        .unwrap();
    jobs.save_checkpoint(job.id, first.fence, &late)
        .await
        .unwrap();

    // The worker dies; its lease runs out.
    let second = claim(jobs, start + LEASE).await.unwrap();
    assert_eq!(second.checkpoint.as_ref(), Some(&late));
    // The next one shuts down in order: the job may be claimed at once.
    jobs.release(job.id, second.fence).await.unwrap();
    let released = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!(released.status, JobStatus::Queued);
    let third = claim(jobs, start + LEASE).await.unwrap();
    assert_eq!(third.job.attempts, 3);
    assert_eq!(third.checkpoint, Some(late));
    close_all(jobs).await;
}

pub async fn a_lost_fence_is_refused_everywhere(
    jobs: &dyn JobStore,
    articles: &dyn ArticleStore,
    events: &dyn EventLog,
) {
    let owner = UserId::new();
    let job = jobs.submit(sample::job(owner)).await.unwrap();
    let start = sample::now();
    let lost = claim(jobs, start).await.unwrap();
    let held = claim(jobs, start + LEASE).await.unwrap();

    let commit = sample::draft_commit(job.id, owner);
    refuses_every_fenced_call(jobs, job.id, lost.fence, owner).await;
    let refused = jobs.succeed(job.id, lost.fence, commit.clone()).await;
    assert_code(refused, &codes::LEASE_LOST);
    refuses_every_fenced_call(jobs, job.id, held.fence + 1, owner).await;

    // Nothing of it left a trace, and the one who holds the job is not disturbed.
    let article = commit.write.article.id;
    assert_eq!(articles.article(article).await.unwrap(), None);
    assert_eq!(articles.provenance(article).await.unwrap(), None);
    let written = all_events(events).await;
    assert!(!written.contains(&commit.event) && !written.contains(&commit.write.event));
    let of_it = |event: &&Event| {
        matches!(event.body,
            EventBody::JobFailed { job: id, .. }
            | EventBody::JobCancelled { job: id }
            | EventBody::JobSucceeded { job: id, .. } if id == job.id)
    };
    assert_eq!(written.iter().find(of_it), None);
    assert_eq!(jobs.job_log(job.id).await.unwrap(), []);
    assert_eq!(jobs.job(job.id).await.unwrap(), Some(held.job.clone()));
    // Not even what it saved last is there for whoever comes next.
    let later = start + LEASE * 2;
    let next = claim(jobs, later).await.unwrap();
    assert_eq!((next.job.id, next.checkpoint), (job.id, None));
    refuses_every_fenced_call(jobs, job.id, held.fence, owner).await;
    jobs.succeed(job.id, next.fence, commit).await.unwrap();
    assert!(articles.article(article).await.unwrap().is_some());
}

pub async fn an_ended_job_refuses_its_fence(jobs: &dyn JobStore) {
    let owner = UserId::new();
    let job = jobs.submit(sample::job(owner)).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    jobs.release(job.id, held.fence).await.unwrap();
    refuses_every_fenced_call(jobs, job.id, held.fence, owner).await;
    let held = claim(jobs, sample::now()).await.unwrap();
    let commit = sample::draft_commit(job.id, owner);
    jobs.succeed(job.id, held.fence, commit).await.unwrap();
    refuses_every_fenced_call(jobs, job.id, held.fence, owner).await;
    let again = sample::draft_commit(job.id, owner);
    let refused = jobs.succeed(job.id, held.fence, again).await;
    assert_code(refused, &codes::LEASE_LOST);
}

pub async fn succeeds_in_one_piece(
    jobs: &dyn JobStore,
    articles: &dyn ArticleStore,
    events: &dyn EventLog,
) {
    let owner = UserId::new();
    let job = jobs.submit(sample::job(owner)).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();

    // The article's id is taken: nothing may be written, the job stays in hand.
    let taken = sample::article(owner);
    articles
        .create_article(sample::creation(&taken))
        .await
        .unwrap();
    let mut clash = sample::draft_commit(job.id, owner);
    clash.write.article.id = taken.id;
    clash.provenance.article = taken.id;
    let refused = jobs.succeed(job.id, held.fence, clash.clone()).await;
    assert_code(refused, &codes::ALREADY_EXISTS);
    assert_eq!(
        articles.article(taken.id).await.unwrap(),
        Some(taken.clone())
    );
    assert_eq!(articles.provenance(taken.id).await.unwrap(), None);
    assert_eq!(jobs.job(job.id).await.unwrap(), Some(held.job));
    let written = all_events(events).await;
    assert!(!written.contains(&clash.event) && !written.contains(&clash.write.event));

    let mut changes = articles.changes();
    let since = articles.now().await.unwrap();
    let commit = sample::draft_commit(job.id, owner);
    jobs.succeed(job.id, held.fence, commit.clone())
        .await
        .unwrap();
    expect_nudge(&mut changes, "succeed").await;

    let article = commit.write.article;
    assert_eq!(
        articles.article(article.id).await.unwrap(),
        Some(article.clone())
    );
    let provenance = articles.provenance(article.id).await.unwrap();
    assert_eq!(provenance, Some(commit.provenance));
    let page = sample::first_page(10);
    let revisions = articles.revisions(article.id, page).await.unwrap().items;
    assert_eq!(revisions.len(), 1);
    assert_eq!(
        (&revisions[0].text, &revisions[0].cause),
        (&article.text, &commit.write.cause)
    );
    let stamps = articles.changed_articles(Span::since(since)).await.unwrap();
    assert!(
        stamps
            .iter()
            .any(|stamp| stamp.id == article.id && stamp.revision == 1)
    );
    let job = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.article),
        (JobStatus::Succeeded, Some(article.id))
    );
    assert_eq!(job.finished_at, Some(commit.event.at));
    let written = all_events(events).await;
    assert!(written.contains(&commit.event) && written.contains(&commit.write.event));
    assert!(claim(jobs, sample::now() + LEASE * 10).await.is_none());
}

/// A worker whose lease ran out and the one that took over end the job at the same time.
pub async fn one_of_two_endings_wins(
    jobs: &dyn JobStore,
    articles: &dyn ArticleStore,
    events: &dyn EventLog,
) {
    let owner = UserId::new();
    let job = jobs.submit(sample::job(owner)).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    let commits: Vec<_> = (0..CROWD)
        .map(|_| sample::draft_commit(job.id, owner))
        .collect();
    let attempts = commits
        .iter()
        .map(|commit| jobs.succeed(job.id, held.fence, commit.clone()));
    let results = join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let written = all_events(events).await;
    for (commit, result) in commits.iter().zip(results) {
        let article = articles.article(commit.write.article.id).await.unwrap();
        assert_eq!(article.is_some(), result.is_ok());
        assert_eq!(written.contains(&commit.event), result.is_ok());
        if result.is_err() {
            assert_code(result, &codes::LEASE_LOST);
        }
    }
}

pub async fn finishes_work_of_the_engine(jobs: &dyn JobStore, events: &dyn EventLog) {
    let owner = UserId::new();
    let new = sample::work(owner);
    let job = jobs.submit(new.clone()).await.unwrap();
    assert_eq!(job.task, new.task);
    assert_eq!(jobs.job(job.id).await.unwrap(), Some(job.clone()));
    let lost = claim(jobs, sample::now()).await.unwrap();
    let held = claim(jobs, sample::now() + LEASE).await.unwrap();
    assert_eq!(held.job.task, new.task);

    let result = json!({ "made": ["thumbnail", "medium"], "bytes": 12_345 });
    let body = EventBody::JobSucceeded {
        job: job.id,
        article: None,
    };
    let event = sample::event(owner, body);
    let refused = jobs
        .finish(job.id, lost.fence, &result, event.clone())
        .await;
    assert_code(refused, &codes::LEASE_LOST);
    jobs.finish(job.id, held.fence, &result, event.clone())
        .await
        .unwrap();
    let done = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!(
        (done.status, done.result, done.article),
        (JobStatus::Succeeded, Some(result), None)
    );
    assert_eq!(done.finished_at, Some(event.at));
    assert!(all_events(events).await.contains(&event));
}

pub async fn fails(jobs: &dyn JobStore, events: &dyn EventLog) {
    let owner = UserId::new();
    let job = jobs.submit(sample::job(owner)).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    let error = JobError {
        code: codes::PLUGIN_TRAPPED.name.to_owned(),
        message: "the plugin `generator-article` crashed".to_owned(),
    };
    let event = failure(owner, job.id, &error);
    jobs.fail(job.id, held.fence, &error, event.clone())
        .await
        .unwrap();
    let failed = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!(
        (failed.status, failed.error),
        (JobStatus::Failed, Some(error))
    );
    assert_eq!(failed.finished_at, Some(event.at));
    assert!(all_events(events).await.contains(&event));
    assert!(claim(jobs, sample::now() + LEASE * 10).await.is_none());
}

pub async fn cancels_queued_running_and_ended_jobs(jobs: &dyn JobStore, events: &dyn EventLog) {
    let owner = UserId::new();
    let queued = jobs.submit(sample::job(owner)).await.unwrap();
    let at_once = cancellation(owner, queued.id);
    let ended = jobs.request_cancel(queued.id, at_once.clone()).await;
    let ended = ended.unwrap();
    assert_eq!(
        (ended.status, ended.finished_at),
        (JobStatus::Cancelled, Some(at_once.at))
    );
    assert_eq!(jobs.job(queued.id).await.unwrap(), Some(ended));
    assert!(all_events(events).await.contains(&at_once));
    assert!(claim(jobs, sample::now()).await.is_none());

    let running = jobs.submit(sample::job(owner)).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    let asked = cancellation(owner, running.id);
    for _ in 0..2 {
        let job = jobs
            .request_cancel(running.id, asked.clone())
            .await
            .unwrap();
        assert_eq!(
            (job.status, job.cancel_requested),
            (JobStatus::Running, true)
        );
    }
    assert!(!all_events(events).await.contains(&asked));
    let stop = jobs
        .heartbeat(
            running.id,
            held.fence,
            LEASE,
            &Progress::default(),
            sample::now(),
        )
        .await
        .unwrap();
    assert!(stop, "the worker must hear of the cancel");
    let obeyed = cancellation(owner, running.id);
    jobs.cancelled(running.id, held.fence, obeyed.clone())
        .await
        .unwrap();
    let job = jobs.job(running.id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.finished_at),
        (JobStatus::Cancelled, Some(obeyed.at))
    );
    assert!(all_events(events).await.contains(&obeyed));

    let late = jobs.request_cancel(running.id, asked.clone()).await;
    assert_code(late, &codes::CONFLICT);
    let unknown = jobs.request_cancel(JobId::new(), asked).await;
    assert_code(unknown, &codes::NOT_FOUND);
}

pub async fn lists_by_owner_and_page(jobs: &dyn JobStore) {
    let (owner, other) = (UserId::new(), UserId::new());
    let mut submitted = Vec::new();
    for _ in 0..4 {
        submitted.push(jobs.submit(sample::job(owner)).await.unwrap());
    }
    let foreign = jobs.submit(sample::job(other)).await.unwrap();
    submitted.sort_by_key(|job| std::cmp::Reverse(job.id));
    let own = JobFilter {
        owner: Some(owner),
        ..JobFilter::default()
    };
    let page = jobs.list_jobs(&own, sample::first_page(3)).await;
    let page = page.unwrap();
    assert_eq!(page.items, submitted[..3]);
    let next = PageRequest {
        limit: 3,
        cursor: page.next_cursor,
    };
    let page = jobs.list_jobs(&own, next).await.unwrap();
    assert_eq!(page.items, submitted[3..]);
    assert_eq!(page.next_cursor, None);
    let everybody = all_jobs(jobs, &JobFilter::default()).await;
    assert!(everybody.contains(&foreign) && everybody.contains(&submitted[0]));
    let nonsense = PageRequest {
        limit: 3,
        cursor: Some("nonsense".to_owned()),
    };
    let refused = jobs.list_jobs(&own, nonsense).await;
    assert_code(refused, &codes::INVALID_INPUT);
    close_all(jobs).await;
}

async fn claim(jobs: &dyn JobStore, now: DateTime<Utc>) -> Option<ClaimedJob> {
    let limits = JobLimits::default();
    jobs.claim("worker-1", LEASE, &limits, now).await.unwrap()
}

/// Page after page.
async fn all_jobs(jobs: &dyn JobStore, filter: &JobFilter) -> Vec<Job> {
    let mut all = Vec::new();
    let mut page = sample::first_page(2);
    loop {
        let found = jobs.list_jobs(filter, page.clone()).await.unwrap();
        assert!(found.items.len() <= page.limit);
        all.extend(found.items);
        if found.next_cursor.is_none() {
            return all;
        }
        page.cursor = found.next_cursor;
    }
}

/// Until nothing follows from the ends so far.
async fn settle(jobs: &dyn JobStore) {
    while jobs.settle_ends(sample::now(), 100).await.unwrap() {}
}

/// Ends every open job, so that the next check finds an empty queue.
async fn close_all(jobs: &dyn JobStore) {
    // Far enough ahead that whatever leases there are ran out.
    let later = sample::now() + LEASE * 1000;
    loop {
        settle(jobs).await;
        let Some(held) = claim(jobs, later).await else {
            return;
        };
        let event = cancellation(held.job.owner, held.job.id);
        jobs.cancelled(held.job.id, held.fence, event)
            .await
            .unwrap();
    }
}

/// All but `succeed`, which the callers check with what it would have written.
async fn refuses_every_fenced_call(jobs: &dyn JobStore, id: JobId, fence: u64, owner: UserId) {
    let now = sample::now();
    let progress = Progress::default();
    let refused = jobs.heartbeat(id, fence, LEASE, &progress, now).await;
    assert_code(refused, &codes::LEASE_LOST);
    let checkpoint = sample::checkpoint(b"stale");
    let refused = jobs.save_checkpoint(id, fence, &checkpoint).await;
    assert_code(refused, &codes::LEASE_LOST);
    assert_code(jobs.release(id, fence).await, &codes::LEASE_LOST);
    let line = LogLine::new(now, 1, "stale");
    let refused = jobs.append_log(id, fence, &[line]).await;
    assert_code(refused, &codes::LEASE_LOST);
    let error = JobError {
        code: codes::INTERNAL.name.to_owned(),
        message: "stale".to_owned(),
    };
    let refused = jobs.retry(id, fence, &error, now).await;
    assert_code(refused, &codes::LEASE_LOST);
    let refused = jobs.pass_on(id, fence, &error, now, now).await;
    assert_code(refused, &codes::LEASE_LOST);
    let event = failure(owner, id, &error);
    let refused = jobs.fail(id, fence, &error, event.clone()).await;
    assert_code(refused, &codes::LEASE_LOST);
    let refused = jobs.bury(id, fence, &error, event).await;
    assert_code(refused, &codes::LEASE_LOST);
    let event = sample::event(
        owner,
        EventBody::JobSucceeded {
            job: id,
            article: None,
        },
    );
    let refused = jobs.finish(id, fence, &json!("stale"), event).await;
    assert_code(refused, &codes::LEASE_LOST);
    let refused = jobs.cancelled(id, fence, cancellation(owner, id)).await;
    assert_code(refused, &codes::LEASE_LOST);
}

fn failure(actor: UserId, job: JobId, error: &JobError) -> Event {
    let code = error.code.clone();
    sample::event(actor, EventBody::JobFailed { job, code })
}

fn cancellation(actor: UserId, job: JobId) -> Event {
    sample::event(actor, EventBody::JobCancelled { job })
}
