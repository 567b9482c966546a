//! Schedules under the load: some of every minute, some of one time each; and that each of their times was run once.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::all;
use crate::engine::Engine;

/// A schedule of generations that cost nothing.
pub struct Planned {
    path: String,
    /// Of every article that it makes.
    pub title: String,
    first: DateTime<Utc>,
    is_of_every_minute: bool,
}

impl Planned {
    /// From the next minute on, each.
    pub async fn every_minute(engine: &Engine, name: &str) -> Self {
        // Where all engines are held up, no time may be left out.
        let when = json!({ "cron": "* * * * *", "missed": "all" });
        Self::make(engine, name, when).await
    }

    /// Once, so long from now.
    pub async fn once(engine: &Engine, name: &str, after: Duration) -> Self {
        let at = Utc::now() + after;
        Self::make(engine, name, json!({ "at": at.to_rfc3339() })).await
    }

    async fn make(engine: &Engine, name: &str, when: Value) -> Self {
        let title = format!("Planned {name}");
        let mut wish = json!({
            "name": title,
            "plugin": "generator-note",
            "template": "note",
            "project": "handbook",
            "input": { "title": title },
        });
        let words = wish.as_object_mut().unwrap();
        words.extend(when.as_object().unwrap().clone());
        let (status, made) = engine.post("/v1/schedules", &wish).await;
        assert_eq!(status, 201, "{made}");
        Self {
            path: format!("/v1/schedules/{}", made["id"].as_str().unwrap()),
            title,
            first: time(&made["next_run_at"]),
            is_of_every_minute: made["cron"].is_string(),
        }
    }

    /// The articles of its times, one of each, once at least one has come and none is due. It runs no more.
    pub async fn articles(&self, engine: &Engine) -> BTreeSet<String> {
        let (last, plan) = self.past(engine).await;
        let mut runs = all(engine, &format!("{}/runs?limit=100", self.path)).await;
        runs.sort_by_key(|run| time(&run["planned_at"]));
        let times: Vec<_> = runs.iter().map(|run| time(&run["planned_at"])).collect();
        let minutes = (0..).map(|minute| self.first + TimeDelta::minutes(minute));
        let due: Vec<_> = minutes.take(times.len()).collect();
        assert_eq!(times, due, "each of its times once: {runs:?}\n{plan}");
        assert!(times.last() >= Some(&last), "{runs:?}\n{plan}");
        let (mut jobs, mut articles) = (BTreeSet::new(), BTreeSet::new());
        for run in &runs {
            assert_eq!(run["outcome"], "queued", "{run}");
            let job = run["job"].as_str().unwrap();
            let path = format!("/v1/jobs/{job}");
            let ended = engine
                .until(&path, |job| job["finished_at"].is_string())
                .await;
            assert_eq!(ended["status"], "succeeded", "{ended}");
            articles.insert(ended["article"].as_str().unwrap().to_owned());
            jobs.insert(job.to_owned());
        }
        assert_eq!(jobs.len(), runs.len(), "a job of two times: {runs:?}");
        assert_eq!(articles.len(), runs.len(), "an article of two jobs");
        articles
    }

    /// The last of its times that has come, and the schedule, which is paused now if there would be more.
    async fn past(&self, engine: &Engine) -> (DateTime<Utc>, Value) {
        if !self.is_of_every_minute {
            let plan = engine
                .until(&self.path, |plan| plan["next_run_at"].is_null())
                .await;
            return (self.first, plan);
        }
        let is_past = |plan: &Value| {
            let next = time(&plan["next_run_at"]);
            next > self.first && next > Utc::now()
        };
        let plan = engine.until(&self.path, is_past).await;
        let pause = engine.request("PATCH", &self.path);
        let pause = pause.json(&json!({ "paused": true }));
        let (status, paused) = engine.send(pause).await;
        assert_eq!(status, 200, "{paused}");
        (time(&plan["next_run_at"]) - TimeDelta::minutes(1), plan)
    }
}

fn time(text: &Value) -> DateTime<Utc> {
    let text = text.as_str().unwrap_or_else(|| panic!("no time: {text}"));
    text.parse().unwrap()
}
