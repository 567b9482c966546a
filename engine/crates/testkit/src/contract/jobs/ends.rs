//! Faults, dead letters, second lives, logs, and what is forgotten.

use inkstone_domain::event::{Scope, ScopedEvent};
use inkstone_domain::job::{Checkpoint, KEPT_LOG_LINES, LOG_LINE_CHARS};

use super::*;

pub async fn run(jobs: &dyn JobStore, events: &dyn EventLog) {
    a_fault_that_may_pass_brings_it_back_later(jobs).await;
    what_is_passed_on_was_never_claimed(jobs, events).await;
    claims_of_which_nothing_comes_are_counted(jobs, events).await;
    a_dead_letter_keeps_its_checkpoint_and_lives_again(jobs, events).await;
    what_failed_or_was_cancelled_begins_anew(jobs).await;
    only_what_ended_badly_is_requeued(jobs).await;
    a_late_worker_cannot_touch_a_second_life(jobs, events).await;
    a_log_keeps_its_newest_lines(jobs).await;
    forgets_what_ended_long_ago(jobs).await;
}

fn fault() -> JobError {
    JobError {
        code: codes::UPSTREAM_UNREACHABLE.name.to_owned(),
        message: "nobody answers".to_owned(),
    }
}

fn requeued(job: &Job) -> ScopedEvent {
    let body = EventBody::JobRequeued { job: job.id };
    sample::event(job.owner, body).within(Scope::of_job(job))
}

fn line(attempt: u32, message: &str) -> LogLine {
    LogLine::new(sample::now(), attempt, message)
}

pub async fn a_fault_that_may_pass_brings_it_back_later(jobs: &dyn JobStore) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let now = sample::now();
    let held = claim(jobs, now).await.unwrap();
    let saved = sample::checkpoint(b"section 1");
    jobs.save_checkpoint(job.id, held.fence, &saved)
        .await
        .unwrap();
    let again_at = now + Duration::from_secs(90);
    jobs.retry(job.id, held.fence, &fault(), again_at)
        .await
        .unwrap();
    let waits = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!((waits.status, waits.run_at), (JobStatus::Queued, again_at));
    assert_eq!((waits.attempts, waits.retries), (1, 1));
    assert_eq!(waits.error, Some(fault()));
    refuses_every_fenced_call(jobs, job.id, held.fence, job.owner).await;
    assert!(
        claim(jobs, again_at - Duration::from_millis(1))
            .await
            .is_none()
    );
    let second = claim(jobs, again_at).await.unwrap();
    assert_eq!((second.job.id, second.job.attempts), (job.id, 2));
    assert_eq!(second.checkpoint, Some(saved));
    assert_eq!(second.job.started_at, Some(now));
    // What ends well, or is cancelled, has no fault any more.
    let body = EventBody::JobSucceeded {
        job: job.id,
        article: None,
    };
    let event = sample::event(job.owner, body);
    jobs.finish(job.id, second.fence, &json!(null), event)
        .await
        .unwrap();
    assert_eq!(jobs.job(job.id).await.unwrap().unwrap().error, None);
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let held = claim(jobs, again_at).await.unwrap();
    jobs.retry(job.id, held.fence, &fault(), again_at)
        .await
        .unwrap();
    let event = cancellation(job.owner, job.id);
    let cancelled = jobs.request_cancel(job.id, event).await.unwrap();
    assert_eq!(cancelled.error, None);
    close_all(jobs).await;
}

/// An engine has not what the job needs.
pub async fn what_is_passed_on_was_never_claimed(jobs: &dyn JobStore, events: &dyn EventLog) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let now = sample::now();
    let again_at = now + Duration::from_secs(30);
    let missed = JobError {
        code: codes::UNKNOWN_PLUGIN.name.to_owned(),
        message: "it is not loaded here".to_owned(),
    };
    let held = claim(jobs, now).await.unwrap();
    assert_eq!((held.stalls, held.missed_since), (1, None));
    jobs.pass_on(job.id, held.fence, &missed, now, again_at)
        .await
        .unwrap();
    let waits = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!((waits.status, waits.run_at), (JobStatus::Queued, again_at));
    assert_eq!((waits.attempts, waits.retries), (0, 0));
    assert_eq!(
        (waits.started_at, &waits.error),
        (None, &Some(missed.clone()))
    );
    refuses_every_fenced_call(jobs, job.id, held.fence, job.owner).await;
    let almost = again_at - Duration::from_millis(1);
    assert!(claim(jobs, almost).await.is_none());
    // Since when stays.
    let held = claim(jobs, again_at).await.unwrap();
    assert_eq!((held.stalls, held.missed_since), (1, Some(now)));
    let later = again_at + Duration::from_secs(30);
    jobs.pass_on(job.id, held.fence, &missed, again_at, later)
        .await
        .unwrap();

    // Another engine can do it, and gets somewhere.
    let held = claim(jobs, later).await.unwrap();
    assert_eq!((held.job.attempts, held.missed_since), (1, Some(now)));
    assert_eq!(held.job.started_at, Some(later));
    let saved = sample::checkpoint(b"section 1");
    jobs.save_checkpoint(job.id, held.fence, &saved)
        .await
        .unwrap();
    let taken_over = claim(jobs, later + LEASE).await.unwrap();
    assert_eq!(
        (taken_over.job.attempts, taken_over.missed_since),
        (2, None)
    );
    // What had begun stays so, with all it has.
    let until = later + LEASE * 2;
    jobs.pass_on(job.id, taken_over.fence, &missed, later, until)
        .await
        .unwrap();
    let waits = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!((waits.attempts, waits.started_at), (1, Some(later)));
    let held = claim(jobs, until).await.unwrap();
    assert_eq!(held.checkpoint, Some(saved));
    assert_eq!(held.missed_since, Some(later));

    // It begins anew with a second life, and with what is no want of the engine's.
    let event = failure(job.owner, job.id, &missed);
    jobs.bury(job.id, held.fence, &missed, event).await.unwrap();
    jobs.requeue(job.id, &line(0, "again"), &requeued(&job))
        .await
        .unwrap();
    let held = claim(jobs, until).await.unwrap();
    assert_eq!((held.stalls, held.missed_since), (1, None));
    for is_released in [true, false] {
        let held = claim(jobs, until + LEASE).await.unwrap();
        jobs.pass_on(job.id, held.fence, &missed, until, until)
            .await
            .unwrap();
        let held = claim(jobs, until).await.unwrap();
        assert_eq!(held.missed_since, Some(until));
        match is_released {
            true => jobs.release(job.id, held.fence).await.unwrap(),
            false => jobs
                .retry(job.id, held.fence, &fault(), until)
                .await
                .unwrap(),
        }
        let held = claim(jobs, until).await.unwrap();
        assert_eq!((held.stalls, held.missed_since), (1, None));
    }
    let told = all_events(events).await;
    let deaths = told
        .iter()
        .filter(|event| matches!(event.body, EventBody::JobFailed { job: id, .. } if id == job.id));
    assert_eq!(deaths.count(), 1);
    close_all(jobs).await;
}

/// The worker dies again and again.
pub async fn claims_of_which_nothing_comes_are_counted(jobs: &dyn JobStore, events: &dyn EventLog) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let mut now = sample::now();
    let mut next = async || {
        now += LEASE;
        claim(jobs, now).await.unwrap()
    };
    for stalls in 1..=4 {
        assert_eq!(next().await.stalls, stalls);
    }
    // A new checkpoint is progress; the same once more is none.
    let one = sample::checkpoint(b"section 1");
    let held = next().await;
    jobs.save_checkpoint(job.id, held.fence, &one)
        .await
        .unwrap();
    assert_eq!(next().await.stalls, 1);
    let held = next().await;
    assert_eq!(held.stalls, 2);
    let later = Checkpoint {
        elapsed_ms: one.elapsed_ms + 7,
        ..one
    };
    jobs.save_checkpoint(job.id, held.fence, &later)
        .await
        .unwrap();
    assert_eq!(next().await.stalls, 3);
    // An engine that cannot do it says nothing about that.
    let held = next().await;
    jobs.pass_on(job.id, held.fence, &fault(), sample::now(), sample::now())
        .await
        .unwrap();
    let held = next().await;
    assert_eq!((held.stalls, &held.checkpoint), (4, &Some(later)));
    let two = sample::checkpoint(b"section 2");
    jobs.save_checkpoint(job.id, held.fence, &two)
        .await
        .unwrap();
    assert_eq!(next().await.stalls, 1);
    // Nor is a fault that was told, or an orderly shutdown.
    let held = next().await;
    jobs.retry(job.id, held.fence, &fault(), sample::now())
        .await
        .unwrap();
    let held = next().await;
    assert_eq!(held.stalls, 1);
    jobs.release(job.id, held.fence).await.unwrap();
    assert_eq!(next().await.stalls, 1);
    let held = next().await;
    assert_eq!((held.stalls, held.job.attempts), (2, 14));
    let told = all_events(events).await;
    assert!(!told.iter().any(|event| {
        matches!(event.body, EventBody::JobFailed { job: id, .. } if id == job.id)
    }));
    close_all(jobs).await;
}

pub async fn a_dead_letter_keeps_its_checkpoint_and_lives_again(
    jobs: &dyn JobStore,
    events: &dyn EventLog,
) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    let saved = sample::checkpoint(b"section 1");
    jobs.save_checkpoint(job.id, held.fence, &saved)
        .await
        .unwrap();
    let event = failure(job.owner, job.id, &fault());
    jobs.bury(job.id, held.fence, &fault(), event.clone())
        .await
        .unwrap();
    let dead = jobs.job(job.id).await.unwrap().unwrap();
    assert_eq!(
        (dead.status, dead.error.clone()),
        (JobStatus::Dead, Some(fault()))
    );
    assert_eq!(dead.finished_at, Some(event.at));
    assert!(all_events(events).await.contains(&event));
    assert!(claim(jobs, sample::now() + LEASE * 10).await.is_none());

    let told = requeued(&dead);
    let said = line(0, "requeued");
    let lives = jobs.requeue(job.id, &said, &told).await.unwrap();
    assert_eq!(
        (lives.status, lives.run_at),
        (JobStatus::Queued, told.event.at)
    );
    assert_eq!(
        (lives.attempts, lives.retries, lives.error.clone()),
        (0, 0, None)
    );
    assert_eq!((lives.started_at, lives.finished_at), (None, None));
    assert_eq!(jobs.job(job.id).await.unwrap(), Some(lives));
    assert_eq!(jobs.job_log(job.id).await.unwrap(), [said]);
    assert!(all_events(events).await.contains(&told.event));
    let again = claim(jobs, sample::now()).await.unwrap();
    assert!(again.fence > held.fence);
    assert_eq!(again.checkpoint, Some(saved));
    close_all(jobs).await;
}

pub async fn what_failed_or_was_cancelled_begins_anew(jobs: &dyn JobStore) {
    let failed = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    let saved = sample::checkpoint(b"what it crashed on");
    jobs.save_checkpoint(failed.id, held.fence, &saved)
        .await
        .unwrap();
    let event = failure(failed.owner, failed.id, &fault());
    jobs.fail(failed.id, held.fence, &fault(), event)
        .await
        .unwrap();
    jobs.requeue(failed.id, &line(0, "again"), &requeued(&failed))
        .await
        .unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    assert_eq!((held.job.id, held.checkpoint), (failed.id, None));

    let cancelled = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let event = cancellation(cancelled.owner, cancelled.id);
    jobs.request_cancel(cancelled.id, event).await.unwrap();
    let told = requeued(&cancelled);
    let lives = jobs
        .requeue(cancelled.id, &line(0, "again"), &told)
        .await
        .unwrap();
    assert!(!lives.cancel_requested);
    assert_eq!(
        claim(jobs, sample::now()).await.unwrap().job.id,
        cancelled.id
    );
    close_all(jobs).await;
}

pub async fn only_what_ended_badly_is_requeued(jobs: &dyn JobStore) {
    let job = jobs.submit(sample::work(UserId::new())).await.unwrap();
    let said = line(0, "again");
    let told = requeued(&job);
    assert_code(jobs.requeue(job.id, &said, &told).await, &codes::CONFLICT);
    let held = claim(jobs, sample::now()).await.unwrap();
    assert_code(jobs.requeue(job.id, &said, &told).await, &codes::CONFLICT);
    let body = EventBody::JobSucceeded {
        job: job.id,
        article: None,
    };
    let event = sample::event(job.owner, body);
    jobs.finish(job.id, held.fence, &json!(1), event)
        .await
        .unwrap();
    assert_code(jobs.requeue(job.id, &said, &told).await, &codes::CONFLICT);
    assert_eq!(jobs.job_log(job.id).await.unwrap(), []);
    let unknown = jobs.requeue(JobId::new(), &said, &told).await;
    assert_code(unknown, &codes::NOT_FOUND);
    close_all(jobs).await;
}

/// A worker stalls; its job is taken over, fails, and lives again. Then the worker wakes up.
pub async fn a_late_worker_cannot_touch_a_second_life(jobs: &dyn JobStore, events: &dyn EventLog) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let start = sample::now();
    let stalled = claim(jobs, start).await.unwrap();
    let second = claim(jobs, start + LEASE).await.unwrap();
    let event = failure(job.owner, job.id, &fault());
    jobs.fail(job.id, second.fence, &fault(), event)
        .await
        .unwrap();
    refuses_every_fenced_call(jobs, job.id, stalled.fence, job.owner).await;
    jobs.requeue(job.id, &line(0, "again"), &requeued(&job))
        .await
        .unwrap();
    refuses_every_fenced_call(jobs, job.id, stalled.fence, job.owner).await;
    let third = claim(jobs, start + LEASE).await.unwrap();
    let before = all_events(events).await.len();
    refuses_every_fenced_call(jobs, job.id, stalled.fence, job.owner).await;
    refuses_every_fenced_call(jobs, job.id, second.fence, job.owner).await;
    assert_eq!(jobs.job(job.id).await.unwrap(), Some(third.job));
    assert_eq!(all_events(events).await.len(), before);
    close_all(jobs).await;
}

pub async fn a_log_keeps_its_newest_lines(jobs: &dyn JobStore) {
    let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
    let held = claim(jobs, sample::now()).await.unwrap();
    assert_eq!(jobs.job_log(job.id).await.unwrap(), []);
    let lines: Vec<LogLine> = (0..KEPT_LOG_LINES + 3)
        .map(|number| line(1, &format!("step “{number}”")))
        .collect();
    let (first, second) = lines.split_at(KEPT_LOG_LINES - 1);
    jobs.append_log(job.id, held.fence, first).await.unwrap();
    assert_eq!(jobs.job_log(job.id).await.unwrap(), first);
    jobs.append_log(job.id, held.fence, second).await.unwrap();
    assert_eq!(jobs.job_log(job.id).await.unwrap(), lines[3..]);
    let long = line(1, &"ü".repeat(LOG_LINE_CHARS + 1));
    assert_eq!(long.message.chars().count(), LOG_LINE_CHARS);
    assert_eq!(jobs.job_log(JobId::new()).await.unwrap(), []);
    close_all(jobs).await;
}

pub async fn forgets_what_ended_long_ago(jobs: &dyn JobStore) {
    let then = sample::now() - Duration::from_secs(40 * 86_400);
    let before = sample::now() - Duration::from_secs(30 * 86_400);
    let end = async |at: DateTime<Utc>| {
        let job = jobs.submit(sample::job(UserId::new())).await.unwrap();
        let mut event = cancellation(job.owner, job.id);
        event.at = at;
        jobs.request_cancel(job.id, event).await.unwrap();
        job.id
    };
    // What others left from before.
    while jobs.forget_jobs(before, 100).await.unwrap() > 0 {}
    let old = [end(then).await, end(then).await, end(then).await];
    let recent = end(before).await;
    let mut open = sample::job(UserId::new());
    open.enqueued_at = then;
    open.run_at = then;
    let open = jobs.submit(open).await.unwrap();
    settle(jobs).await;

    assert_eq!(jobs.forget_jobs(before, 2).await.unwrap(), 2);
    assert_eq!(jobs.forget_jobs(before, 2).await.unwrap(), 1);
    assert_eq!(jobs.forget_jobs(before, 2).await.unwrap(), 0);
    for id in old {
        assert_eq!(jobs.job(id).await.unwrap(), None);
    }
    assert!(jobs.job(recent).await.unwrap().is_some());
    assert!(jobs.job(open.id).await.unwrap().is_some());
    close_all(jobs).await;
}
