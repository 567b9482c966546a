//! The calendar: what it shows to whom, plans from a brief, and that what was planned is published.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use inkstone_domain::codes;
use inkstone_domain::content::Status;
use inkstone_domain::job::{Priority, Task};
use inkstone_domain::ports::{Clock, EventLog, JobStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::schedule::Missed;
use inkstone_services::ProjectPatch;
use inkstone_services::calendar::{
    CalendarRange, PlanWish, PlannedPublications, Planning, Publish, Spread, Topic,
};
use inkstone_services::content::NewArticle;
use inkstone_services::events::EventHandler;
use inkstone_services::schedules::{NewSchedule, When};
use serde_json::json;

use crate::jobs::task;
use crate::world::{World, handbook, job_when, join};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// January, in the handbook. The clock stands at its beginning.
fn january() -> CalendarRange {
    CalendarRange {
        project: "handbook".to_owned(),
        from: day("2026-01-01"),
        to: day("2026-01-31"),
        time_zone: "Europe/Berlin".to_owned(),
    }
}

fn wish(topics: &[&str]) -> PlanWish {
    PlanWish {
        name: "tides".to_owned(),
        project: "handbook".to_owned(),
        plugin: "generator-fake".to_owned(),
        template: "article".to_owned(),
        model: None,
        priority: Priority::Normal,
        brief: [("tone".to_owned(), json!("calm"))].into_iter().collect(),
        topics: topics
            .iter()
            .map(|topic| Topic::Text((*topic).to_owned()))
            .collect(),
        topic_field: "topic".to_owned(),
        from: day("2026-01-05"),
        spread: Spread::Over {
            to: day("2026-01-08"),
            at: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
        },
        time_zone: "Europe/Berlin".to_owned(),
        publish: Publish::None,
    }
}

async fn shown(world: &World, who: &Principal) -> Vec<String> {
    let page = world.services.calendar.show(who, &january()).await.unwrap();
    assert!(!page.is_cut);
    let lines = page.days.into_iter().flat_map(|(date, entries)| {
        entries.into_iter().map(move |entry| {
            let what = match entry.what {
                Planning::Publication(article) => format!("publication {}", article.text.title),
                Planning::Published(article) => format!("published {}", article.text.title),
                Planning::Run(schedule) => format!("run {}", schedule.name),
                Planning::Job(job) => match job.task {
                    Task::Generate(task) => format!("job {}", task.input["topic"]),
                    Task::Work(work) => work.kind,
                },
            };
            format!("{date} {what}")
        })
    });
    lines.collect()
}

#[tokio::test]
async fn it_shows_what_one_may_see_day_by_day() {
    let world = World::new().await;
    let boss = world.somebody(Role::Creator).await;
    let guest = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    handbook(&world, &boss).await;
    join(&world, &boss, &guest, ProjectRole::Viewer).await;
    let new = |title: &str, status, publish_at| NewArticle {
        project: Some("handbook".to_owned()),
        title: title.to_owned(),
        status,
        publish_at,
        ..NewArticle::default()
    };
    // At 23:30 UTC, it is the next day in Berlin.
    let late = at("2026-01-09T23:30:00Z");
    for article in [
        new("Flow", Status::Scheduled, Some(late)),
        new("Later", Status::Scheduled, Some(at("2026-03-01T00:00:00Z"))),
        new("Ebb", Status::Published, None),
        new("Draft", Status::Draft, None),
    ] {
        world
            .services
            .articles
            .create(&boss, article)
            .await
            .unwrap();
    }
    let mut weekly = task("moon");
    weekly.project = "handbook".to_owned();
    let schedule = NewSchedule {
        name: "weekly".to_owned(),
        when: When {
            cron: Some("0 7 * * MON".to_owned()),
            ..When::default()
        },
        task: weekly,
        priority: Priority::Normal,
        missed: Missed::Once,
        is_paused: false,
    };
    world
        .services
        .schedules
        .create(&boss, schedule)
        .await
        .unwrap();
    world
        .services
        .calendar
        .plan(&boss, wish(&["sun"]))
        .await
        .unwrap();

    assert_eq!(
        shown(&world, &boss).await,
        [
            "2026-01-01 published Ebb",
            "2026-01-05 run weekly",
            "2026-01-05 job \"sun\"",
            "2026-01-10 publication Flow",
            "2026-01-12 run weekly",
            "2026-01-19 run weekly",
            "2026-01-26 run weekly",
        ]
    );
    assert_eq!(
        shown(&world, &guest).await,
        ["2026-01-01 published Ebb", "2026-01-10 publication Flow"]
    );
    let refused = world.services.calendar.show(&stranger, &january()).await;
    assert_eq!(refused.unwrap_err().code(), &codes::NOT_FOUND);
    let admin = world.somebody(Role::Admin).await;
    assert_eq!(shown(&world, &admin).await.len(), 7);
    for range in [
        CalendarRange {
            to: day("2025-12-31"),
            ..january()
        },
        CalendarRange {
            to: day("2027-06-01"),
            ..january()
        },
        CalendarRange {
            time_zone: "Mars".to_owned(),
            ..january()
        },
    ] {
        let refused = world.services.calendar.show(&boss, &range).await;
        assert_eq!(refused.unwrap_err().code(), &codes::INVALID_INPUT);
    }
}

#[tokio::test]
async fn a_plan_is_a_batch_and_a_sketch_is_nothing() {
    let world = World::new().await;
    let boss = world.somebody(Role::Creator).await;
    handbook(&world, &boss).await;
    let calendar = &world.services.calendar;
    let sketch = calendar
        .sketch(&boss, wish(&["ebb", "flow"]))
        .await
        .unwrap();
    assert_eq!(sketch.batch, None);
    let times: Vec<_> = sketch.jobs.iter().map(|job| job.run_at).collect();
    assert_eq!(
        times,
        [at("2026-01-05T08:00:00Z"), at("2026-01-07T08:00:00Z")]
    );
    assert_eq!(
        sketch.jobs[1].input,
        json!({"tone": "calm", "topic": "flow"})
    );
    assert_eq!(shown(&world, &boss).await, Vec::<String>::new());

    let planned = calendar.plan(&boss, wish(&["ebb", "flow"])).await.unwrap();
    let batch = planned.batch.unwrap();
    let batch = world.store.batch(batch).await.unwrap().unwrap();
    assert_eq!((batch.name.as_str(), batch.counts.queued), ("tides", 2));
    for job in &planned.jobs {
        let queued = world.store.job(job.job.unwrap()).await.unwrap().unwrap();
        assert_eq!(queued.run_at, job.run_at);
    }

    // One that is wrong, and nothing is queued.
    let mut wrong = wish(&["ebb"]);
    let five = [("topic".to_owned(), json!(5))];
    wrong.topics.push(Topic::Fields(five.into_iter().collect()));
    let refused = calendar.plan(&boss, wrong).await.unwrap_err();
    assert_eq!(refused.code(), &codes::SCHEMA_MISMATCH);
    assert_eq!(refused.fields()[0].pointer, "/brief/topic");
    assert!(refused.message().contains("job 1"), "{refused}");
    let over = PlanWish {
        from: day("2025-12-31"),
        ..wish(&["ebb"])
    };
    let refused = calendar.plan(&boss, over).await.unwrap_err();
    assert_eq!(refused.fields()[0].pointer, "/from");
    let none = calendar.plan(&boss, wish(&[])).await.unwrap_err();
    assert_eq!(none.fields()[0].pointer, "/topics");
    let many = vec!["ebb"; 201];
    let many = calendar.plan(&boss, wish(&many)).await.unwrap_err();
    assert_eq!(many.fields()[0].pointer, "/topics");
    assert_eq!(shown(&world, &boss).await.len(), 2);
}

async fn hear(world: &World) {
    let handler = PlannedPublications(Arc::clone(&world.services.calendar));
    world.store.number_events(100).await.unwrap();
    let told = world.store.told_after(0, 100).await.unwrap();
    let told: Vec<_> = told.into_iter().map(Arc::new).collect();
    // Twice is as once.
    handler.handle(&told).await.unwrap();
    handler.handle(&told).await.unwrap();
}

#[tokio::test]
async fn what_is_planned_is_published_where_its_owner_may() {
    for (needs_review, is_late, status) in [
        (false, false, Status::Scheduled),
        (false, true, Status::Published),
        (true, false, Status::Draft),
    ] {
        let world = World::new().await;
        let boss = world.somebody(Role::Creator).await;
        handbook(&world, &boss).await;
        if needs_review {
            let found = world
                .services
                .projects
                .get(&boss, "handbook")
                .await
                .unwrap();
            let mut settings = found.settings.clone();
            settings.review = inkstone_domain::project::Review::Required;
            let patch = ProjectPatch {
                settings: Some(settings),
                ..ProjectPatch::default()
            };
            let projects = &world.services.projects;
            projects
                .update(&boss, "handbook", patch, None)
                .await
                .unwrap();
        }
        let lead = TimeDelta::hours(48);
        let plan = PlanWish {
            publish: Publish::Schedule { lead },
            ..wish(&["ebb"])
        };
        let planned = world.services.calendar.plan(&boss, plan).await.unwrap();
        let publish_at = at("2026-01-05T08:00:00Z");
        assert_eq!(planned.jobs[0].publish_at, Some(publish_at));
        assert_eq!(planned.jobs[0].run_at, publish_at - lead);
        let id = planned.jobs[0].job.unwrap();
        world.clock.set(publish_at - lead);
        world.services.start_workers(1);
        let done = job_when(&world.store, id, |job| job.status.is_final()).await;
        if is_late {
            world.clock.set(publish_at + TimeDelta::hours(1));
        }
        hear(&world).await;
        let article = done.article.unwrap();
        let article = world.services.articles.get(&boss, article).await.unwrap();
        assert_eq!(article.text.status, status, "{needs_review} {is_late}");
        let scheduled = (status == Status::Scheduled).then_some(publish_at);
        assert_eq!(article.text.publish_at, scheduled);
    }
}

#[tokio::test]
async fn a_time_to_begin_that_is_over_is_now() {
    let world = World::new().await;
    let boss = world.somebody(Role::Creator).await;
    handbook(&world, &boss).await;
    world.clock.advance(Duration::from_secs(86_400));
    let plan = PlanWish {
        publish: Publish::Schedule {
            lead: TimeDelta::days(30),
        },
        ..wish(&["ebb"])
    };
    let planned = world.services.calendar.plan(&boss, plan).await.unwrap();
    assert_eq!(planned.jobs[0].run_at, world.clock.now());
}
