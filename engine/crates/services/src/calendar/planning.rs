//! Plans: from a brief and topics to generations at times, all queued or none.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use inkstone_domain::ids::{BatchId, JobId};
use inkstone_domain::job::{GenerateTask, MOST_OF_A_BATCH, Priority, Task};
use inkstone_domain::ports::NewBatch;
use inkstone_domain::principal::Principal;
use inkstone_domain::schedule::Timing;
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::{Map, Value};

use super::Calendar;
use crate::jobs::{BatchItem, Terms};
use crate::schedules::{Times, Zone};

/// How far ahead times of a cron expression are looked for where there is no last day.
const FARTHEST_DAYS: u64 = 3 * 366;

/// What is to be written, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanWish {
    /// Of the batch.
    pub name: String,
    pub project: String,
    pub plugin: String,
    pub template: String,
    pub model: Option<String>,
    pub priority: Priority,
    /// What all inputs have.
    pub brief: Map<String, Value>,
    /// One generation for each.
    pub topics: Vec<Topic>,
    pub topic_field: String,
    /// The first day.
    pub from: NaiveDate,
    pub spread: Spread,
    pub time_zone: String,
    pub publish: Publish,
}

/// What an input has beside the brief.
#[derive(Debug, Clone, PartialEq)]
pub enum Topic {
    /// It goes into `topic_field`.
    Text(String),
    /// More fields; where there are none, the brief stands alone.
    Fields(Map<String, Value>),
}

/// At which times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spread {
    /// Evenly over the days up to this one, each at that time.
    Over { to: NaiveDate, at: NaiveTime },
    /// At the first times of a cron expression.
    Every {
        cron: String,
        /// The last day; `None` is as long as it takes.
        to: Option<NaiveDate>,
    },
}

/// What is planned for the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publish {
    /// That the generations begin.
    None,
    /// That the articles are published; the generations begin so long before.
    Schedule { lead: TimeDelta },
}

/// A plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// `None` where nothing was queued.
    pub batch: Option<BatchId>,
    pub jobs: Vec<PlannedJob>,
}

/// A generation of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedJob {
    /// `None` where it was not queued.
    pub job: Option<JobId>,
    pub input: Value,
    pub run_at: DateTime<Utc>,
    pub publish_at: Option<DateTime<Utc>>,
}

impl Calendar {
    /// Says what would be queued, checked as if it were.
    pub async fn sketch(&self, principal: &Principal, wish: PlanWish) -> Result<Planned> {
        let batch = self.checked(principal, wish).await?;
        let mut planned = planned(&batch);
        planned.batch = None;
        for job in &mut planned.jobs {
            job.job = None;
        }
        Ok(planned)
    }

    /// Queues all of it, each under the conditions of [`crate::Jobs::submit`].
    pub async fn plan(&self, principal: &Principal, wish: PlanWish) -> Result<Planned> {
        let batch = self.checked(principal, wish).await?;
        let planned = planned(&batch);
        self.jobs.queue().submit_batch(batch).await?;
        Ok(planned)
    }

    async fn checked(&self, principal: &Principal, wish: PlanWish) -> Result<NewBatch> {
        let now = self.clock.now();
        let items = items(&wish, now).map_err(invalid)?;
        let checked = self.jobs.checked_batch(principal, &wish.name, items);
        checked.await.map_err(below_brief)
    }
}

fn planned(batch: &NewBatch) -> Planned {
    let jobs = batch.jobs.iter().filter_map(|job| match &job.task {
        Task::Generate(task) => Some(PlannedJob {
            job: Some(job.id),
            input: task.input.clone(),
            run_at: job.run_at,
            publish_at: task.publish_at,
        }),
        Task::Work(_) => None,
    });
    Planned {
        batch: Some(batch.id),
        jobs: jobs.collect(),
    }
}

fn items(wish: &PlanWish, now: DateTime<Utc>) -> Result<Vec<BatchItem>, FieldError> {
    let count = wish.topics.len();
    if count == 0 || count > MOST_OF_A_BATCH {
        let detail = format!("must be 1 to {MOST_OF_A_BATCH}");
        return Err(wrong("/topics", detail));
    }
    let times = times(wish, count)?;
    if let Some(first) = times.first().filter(|first| **first <= now) {
        return Err(wrong("/from", format!("the first time, {first}, is over")));
    }
    let items = wish.topics.iter().zip(times).map(|(topic, at)| {
        let (run_at, publish_at) = match wish.publish {
            Publish::None => (at, None),
            Publish::Schedule { lead } => (at - lead, Some(at)),
        };
        let task = GenerateTask {
            plugin: wish.plugin.clone(),
            template: wish.template.clone(),
            input: input(wish, topic),
            model: wish.model.clone(),
            project: wish.project.clone(),
            pins: Vec::new(),
            publish_at,
        };
        let terms = Terms {
            priority: wish.priority,
            run_at: Some(run_at),
            after: Vec::new(),
        };
        BatchItem {
            task,
            terms,
            after_items: Vec::new(),
        }
    });
    Ok(items.collect())
}

fn input(wish: &PlanWish, topic: &Topic) -> Value {
    let mut input = wish.brief.clone();
    match topic {
        Topic::Text(text) => {
            input.insert(wish.topic_field.clone(), Value::String(text.clone()));
        }
        Topic::Fields(fields) => input.extend(fields.clone()),
    }
    Value::Object(input)
}

/// One for each, in order.
fn times(wish: &PlanWish, count: usize) -> Result<Vec<DateTime<Utc>>, FieldError> {
    let zone = Zone::named(&wish.time_zone);
    let zone = zone.map_err(|detail| wrong("/time_zone", detail))?;
    match &wish.spread {
        Spread::Over { to, at } => over(wish.from, *to, *at, zone, count),
        Spread::Every { cron, to } => {
            let timing = Timing::Cron {
                expression: cron.clone(),
                time_zone: wish.time_zone.clone(),
            };
            let times = Times::of(&timing).map_err(|all| {
                let detail = all.into_iter().map(|one| one.detail).next();
                wrong("/every", detail.unwrap_or_default())
            })?;
            let farthest = wish.from.checked_add_days(Days::new(FARTHEST_DAYS));
            let last = to.or(farthest).unwrap_or(wish.from);
            let after = last.succ_opt().unwrap_or(last);
            let until = zone.begin_of(after);
            let times = times.between(zone.begin_of(wish.from), until);
            let times: Vec<DateTime<Utc>> = times.take(count).collect();
            match times.len() == count {
                true => Ok(times),
                false => {
                    let found = times.len();
                    let detail = format!("has {found} times up to {last}, for {count} topics");
                    Err(wrong("/every", detail))
                }
            }
        }
    }
}

/// The first on the first day; where there are more than days, some share one.
fn over(
    from: NaiveDate,
    to: NaiveDate,
    at: NaiveTime,
    zone: Zone,
    count: usize,
) -> Result<Vec<DateTime<Utc>>, FieldError> {
    let days = (to - from).num_days() + 1;
    let days = match u64::try_from(days) {
        Ok(days @ 1..=FARTHEST_DAYS) => days,
        _ => {
            let detail = format!("must be `from` or up to {FARTHEST_DAYS} days later");
            return Err(wrong("/to", detail));
        }
    };
    let times = (0..count as u64).map(|place| {
        let day = from.checked_add_days(Days::new(place * days / count as u64));
        zone.at(day.unwrap_or(from), at)
    });
    Ok(times.collect())
}

fn wrong(pointer: &str, detail: String) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        detail,
    }
}

fn invalid(wrong: FieldError) -> Error {
    let message = format!(
        "the plan is not valid: `{}` {}",
        wrong.pointer, wrong.detail
    );
    Error::new(&codes::INVALID_INPUT, message).with_fields(vec![wrong])
}

/// The job of a batch has its input from the brief; of which one it is, the message says.
fn below_brief(error: Error) -> Error {
    let fields = error.fields().iter().map(|field| {
        let rest = field.pointer.strip_prefix("/jobs/");
        let rest = rest.and_then(|rest| rest.split_once("/generate"));
        let inside = rest.map(|(_, inside)| inside);
        let pointer = match inside.and_then(|inside| inside.strip_prefix("/input")) {
            Some(input) => format!("/brief{input}"),
            None => inside.unwrap_or(&field.pointer).to_owned(),
        };
        FieldError {
            pointer,
            detail: field.detail.clone(),
        }
    });
    let fields = fields.collect();
    error.with_fields(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn wish(spread: Spread) -> PlanWish {
        PlanWish {
            name: String::new(),
            project: "default".to_owned(),
            plugin: "generator-fake".to_owned(),
            template: "article".to_owned(),
            model: None,
            priority: Priority::Normal,
            brief: Map::from_iter([("tone".to_owned(), Value::from("calm"))]),
            topics: Vec::new(),
            topic_field: "topic".to_owned(),
            from: day("2026-03-27"),
            spread,
            time_zone: "Europe/Berlin".to_owned(),
            publish: Publish::None,
        }
    }

    #[track_caller]
    fn check(spread: Spread, count: usize, wanted: &[&str]) {
        let found = times(&wish(spread), count).unwrap();
        let found: Vec<String> = found.iter().map(DateTime::to_rfc3339).collect();
        let wanted: Vec<String> = wanted.iter().map(|it| format!("{it}:00+00:00")).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn they_are_spread_evenly_over_the_days() {
        let over = |to: &str| Spread::Over {
            to: day(to),
            at: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
        };
        check(over("2026-03-27"), 1, &["2026-03-27T08:00"]);
        check(
            over("2026-03-30"),
            2,
            // The clocks are changed between them.
            &["2026-03-27T08:00", "2026-03-29T07:00"],
        );
        check(
            over("2026-03-28"),
            3,
            &["2026-03-27T08:00", "2026-03-27T08:00", "2026-03-28T08:00"],
        );
        let backwards = times(&wish(over("2026-03-26")), 1).unwrap_err();
        assert_eq!(backwards.pointer, "/to");
    }

    #[test]
    fn they_follow_an_expression() {
        let every = |cron: &str, to: Option<&str>| Spread::Every {
            cron: cron.to_owned(),
            to: to.map(day),
        };
        check(
            every("0 9 * * MON,FRI", None),
            3,
            &["2026-03-27T08:00", "2026-03-30T07:00", "2026-04-03T07:00"],
        );
        let few = times(&wish(every("0 9 * * MON", Some("2026-04-06"))), 3).unwrap_err();
        assert_eq!(few.pointer, "/every");
        assert!(few.detail.starts_with("has 2 times"), "{}", few.detail);
        let never = times(&wish(every("0 9 * *", None)), 3).unwrap_err();
        assert_eq!(never.pointer, "/every");
    }

    #[test]
    fn a_topic_is_a_text_or_fields() {
        let wish = wish(Spread::Every {
            cron: String::new(),
            to: None,
        });
        let text = input(&wish, &Topic::Text("ebb".to_owned()));
        assert_eq!(text, serde_json::json!({"tone": "calm", "topic": "ebb"}));
        let fields = [("tone".to_owned(), Value::from("loud"))];
        let fields = input(&wish, &Topic::Fields(fields.into_iter().collect()));
        assert_eq!(fields, serde_json::json!({"tone": "loud"}));
    }
}
