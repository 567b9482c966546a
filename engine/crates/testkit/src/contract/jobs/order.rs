//! Whose turn it is: priorities, times, shares of projects, limits.

use std::collections::BTreeMap;

use inkstone_domain::job::{JobLimits, Priority, Task};
use inkstone_domain::ports::NewJob;

use super::*;

pub async fn run(jobs: &dyn JobStore) {
    a_higher_priority_goes_first(jobs).await;
    nothing_runs_before_its_time(jobs).await;
    projects_have_their_share(jobs).await;
    limits_hold_for_kinds_and_projects(jobs).await;
    limits_hold_where_many_claim_at_once(jobs).await;
    an_abandoned_job_frees_its_place(jobs).await;
    lists_what_fits(jobs).await;
}

fn job_in(project: &str, seconds: u64) -> NewJob {
    let mut job = sample::work(UserId::new());
    if let Task::Work(work) = &mut job.task {
        work.project = project.to_owned();
    }
    job.enqueued_at = sample::now() + Duration::from_secs(seconds);
    job.run_at = job.enqueued_at;
    job
}

fn with_priority(priority: Priority, job: NewJob) -> NewJob {
    NewJob { priority, ..job }
}

async fn claim_all(jobs: &dyn JobStore, limits: &JobLimits, now: DateTime<Utc>) -> Vec<ClaimedJob> {
    let mut all = Vec::new();
    while let Some(held) = jobs.claim("worker-1", LEASE, limits, now).await.unwrap() {
        all.push(held);
    }
    all
}

pub async fn a_higher_priority_goes_first(jobs: &dyn JobStore) {
    let low = with_priority(Priority::Low, job_in("one", 0));
    let normal = job_in("one", 1);
    let high = with_priority(Priority::High, job_in("one", 2));
    for job in [&low, &normal, &high] {
        let stored = jobs.submit(job.clone()).await.unwrap();
        assert_eq!((stored.priority, stored.run_at), (job.priority, job.run_at));
    }
    let now = sample::now() + Duration::from_secs(10);
    let order = claim_all(jobs, &JobLimits::default(), now).await;
    let order: Vec<JobId> = order.iter().map(|held| held.job.id).collect();
    assert_eq!(order, [high.id, normal.id, low.id]);
    close_all(jobs).await;
}

pub async fn nothing_runs_before_its_time(jobs: &dyn JobStore) {
    // Due later, but of a higher priority, and submitted before.
    let later = with_priority(Priority::High, job_in("one", 60));
    let soon = job_in("one", 5);
    jobs.submit(later.clone()).await.unwrap();
    jobs.submit(soon.clone()).await.unwrap();
    let almost = soon.run_at - Duration::from_millis(1);
    assert!(claim(jobs, almost).await.is_none());
    assert_eq!(claim(jobs, soon.run_at).await.unwrap().job.id, soon.id);
    let almost = later.run_at - LEASE;
    assert!(claim(jobs, almost).await.is_none());
    let due = claim_all(jobs, &JobLimits::default(), later.run_at).await;
    assert!(due.iter().any(|held| held.job.id == later.id));
    close_all(jobs).await;
}

pub async fn projects_have_their_share(jobs: &dyn JobStore) {
    const CROWDED: usize = 12;
    for second in 0..CROWDED as u64 {
        jobs.submit(job_in("crowded", second)).await.unwrap();
    }
    let quiet = job_in("quiet", 100);
    let other = job_in("other", 101);
    jobs.submit(quiet.clone()).await.unwrap();
    jobs.submit(other.clone()).await.unwrap();
    let now = sample::now() + Duration::from_secs(1_000);
    let limits = JobLimits::default();
    let first = claim_all(jobs, &limits, now).await;
    assert_eq!(first.len(), CROWDED + 2);
    let projects: Vec<&str> = first.iter().map(|held| held.job.task.project()).collect();
    // The oldest begins; then come those that have nothing running, whatever is before them.
    assert_eq!(projects[..3], ["crowded", "quiet", "other"]);
    let of_crowded = first
        .iter()
        .filter(|held| held.job.task.project() == "crowded");
    let ages: Vec<_> = of_crowded.map(|held| held.job.run_at).collect();
    assert!(ages.is_sorted(), "within a project the oldest goes first");
    close_all(jobs).await;
}

pub async fn limits_hold_for_kinds_and_projects(jobs: &dyn JobStore) {
    for second in 0..4 {
        jobs.submit(job_in("one", second)).await.unwrap();
        jobs.submit(job_in("two", second)).await.unwrap();
        jobs.submit(sample::job(UserId::new())).await.unwrap();
    }
    let limits = JobLimits {
        kinds: [("generate".to_owned(), 1)].into(),
        project: Some(2),
        projects: [("two".to_owned(), 3), ("default".to_owned(), 9)].into(),
    };
    let now = sample::now() + Duration::from_secs(10);
    let held = claim_all(jobs, &limits, now).await;
    assert_eq!(
        by_project(&held),
        [("default", 1), ("one", 2), ("two", 3)].into()
    );
    assert!(
        jobs.claim("w", LEASE, &limits, now)
            .await
            .unwrap()
            .is_none()
    );

    // Whoever ends makes room for one of the same.
    let ended = held
        .iter()
        .find(|it| it.job.task.project() == "one")
        .unwrap();
    let event = cancellation(ended.job.owner, ended.job.id);
    jobs.cancelled(ended.job.id, ended.fence, event)
        .await
        .unwrap();
    let next = claim_all(jobs, &limits, now).await;
    assert_eq!(by_project(&next), [("one", 1)].into());
    close_all(jobs).await;
}

pub async fn limits_hold_where_many_claim_at_once(jobs: &dyn JobStore) {
    for second in 0..6 {
        jobs.submit(job_in("one", second)).await.unwrap();
    }
    let limits = JobLimits {
        project: Some(2),
        ..JobLimits::default()
    };
    let now = sample::now() + Duration::from_secs(10);
    let claims = (0..CROWD).map(|_| jobs.claim("worker-1", LEASE, &limits, now));
    let claims = join_all(claims).await;
    let taken = claims.into_iter().filter_map(|claim| claim.unwrap());
    assert_eq!(taken.count(), 2);
    close_all(jobs).await;
}

pub async fn an_abandoned_job_frees_its_place(jobs: &dyn JobStore) {
    let limits = JobLimits {
        project: Some(1),
        ..JobLimits::default()
    };
    let first = jobs.submit(job_in("one", 0)).await.unwrap();
    jobs.submit(job_in("one", 1)).await.unwrap();
    let start = sample::now() + Duration::from_secs(10);
    let dead = claim_all(jobs, &limits, start).await;
    assert_eq!(dead.len(), 1);
    // Its worker is silent: it is taken over before anything new begins, and counts once.
    let taken = claim_all(jobs, &limits, start + LEASE).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].job.id, taken[0].job.attempts), (first.id, 2));
    close_all(jobs).await;
}

pub async fn lists_what_fits(jobs: &dyn JobStore) {
    let owner = UserId::new();
    let project = format!("listed-{}", owner.0).to_lowercase();
    let mut made = Vec::new();
    for priority in [Priority::High, Priority::Low, Priority::Low] {
        let mut job = with_priority(priority, job_in(&project, 0));
        job.owner = owner;
        made.push(jobs.submit(job).await.unwrap());
    }
    let mut generation = sample::job(owner);
    generation.run_at = sample::now() + LEASE * 100;
    let generation = jobs.submit(generation).await.unwrap();
    let running = claim(jobs, sample::now()).await.unwrap();
    assert_eq!(running.job.id, made[0].id);

    let own = JobFilter {
        owner: Some(owner),
        ..JobFilter::default()
    };
    let ids = |found: Vec<Job>| found.into_iter().map(|job| job.id).collect::<Vec<_>>();
    for (filter, want) in [
        (
            own.clone(),
            vec![generation.id, made[2].id, made[1].id, made[0].id],
        ),
        (
            JobFilter {
                status: Some(JobStatus::Running),
                ..own.clone()
            },
            vec![made[0].id],
        ),
        (
            JobFilter {
                status: Some(JobStatus::Queued),
                ..own.clone()
            },
            vec![generation.id, made[2].id, made[1].id],
        ),
        (
            JobFilter {
                kind: Some("generate".to_owned()),
                ..own.clone()
            },
            vec![generation.id],
        ),
        (
            JobFilter {
                priority: Some(Priority::Low),
                ..own.clone()
            },
            vec![made[2].id, made[1].id],
        ),
        (
            JobFilter {
                project: Some(project.clone()),
                ..JobFilter::default()
            },
            vec![made[2].id, made[1].id, made[0].id],
        ),
        (
            JobFilter {
                project: Some(project),
                status: Some(JobStatus::Queued),
                ..JobFilter::default()
            },
            vec![made[2].id, made[1].id],
        ),
    ] {
        assert_eq!(ids(all_jobs(jobs, &filter).await), want, "{filter:?}");
    }
    let dead = JobFilter {
        status: Some(JobStatus::Dead),
        ..own
    };
    assert_eq!(all_jobs(jobs, &dead).await, []);
    close_all(jobs).await;
}

fn by_project(held: &[ClaimedJob]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for one in held {
        *counts.entry(one.job.task.project()).or_default() += 1;
    }
    counts
}
