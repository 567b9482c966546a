//! The calendar of a project, and plans for it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use inkstone_domain::content::Article;
use inkstone_domain::ids::{ArticleId, BatchId, JobId, ScheduleId};
use inkstone_domain::job::{Job, Priority, Task};
use inkstone_domain::schedule::Schedule;
use inkstone_domain::{FieldError, Result};
use inkstone_services::calendar::{
    CalendarEntry, CalendarPage, CalendarRange, PlanWish, Planned, PlannedJob, Planning, Publish,
    Spread, Topic,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::job::{DEFAULT_PROJECT, PriorityWord};
use crate::error::invalid_fields;

const DEFAULT_TIME: NaiveTime = match NaiveTime::from_hms_opt(9, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};
const DEFAULT_LEAD_H: u32 = 24;
/// A year.
const MOST_LEAD_H: u32 = 8_760;

/// What is to be written, and when. Either `topics` or `count`, and either `to` or `every`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanBody {
    /// For people.
    #[serde(default)]
    #[schema(max_length = 200, example = "Tides in March")]
    pub name: String,
    /// Where the articles go, `[a-z0-9-]+`; `default` where it is left out.
    #[serde(default)]
    pub project: Option<String>,
    /// Id of a generator.
    #[schema(min_length = 1, example = "generator-article")]
    pub plugin: String,
    /// Id of one of its templates.
    #[schema(min_length = 1, example = "article")]
    pub template: String,
    /// What the inputs of all of them have.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub brief: Map<String, Value>,
    /// One article for each: a text that goes into `topic_field`, or an object with fields of the input.
    #[serde(default)]
    #[schema(max_items = 200, example = json!(["Ebb", "Flow"]))]
    pub topics: Vec<TopicBody>,
    /// So many articles of the brief alone.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200)]
    pub count: Option<usize>,
    /// `topic` where it is left out.
    #[serde(default)]
    #[schema(min_length = 1)]
    pub topic_field: Option<String>,
    /// `provider/model` or an alias; the engine's default where it is left out.
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub priority: Option<PriorityWord>,
    /// The first day.
    #[schema(example = "2099-03-01")]
    pub from: NaiveDate,
    /// The last day. Without `every`, the times are spread evenly over the days up to it.
    #[serde(default)]
    #[schema(example = "2099-03-31")]
    pub to: Option<NaiveDate>,
    /// At its first times.
    #[serde(default)]
    pub every: Option<EveryBody>,
    /// Of the day, such as `09:00`, which it is where it is left out; without `every`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1)]
    pub time: Option<ClockTime>,
    /// A name of the IANA database; `UTC` where it is left out.
    #[serde(default)]
    #[schema(min_length = 1, example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// What happens at the times; that the generations begin where it is left out.
    #[serde(default)]
    pub publish: Option<PublishWord>,
    /// With `publish` `schedule`: how long before its time a generation begins, in hours; 24 where it is left out.
    #[serde(default)]
    #[schema(maximum = 8_760)]
    pub lead_hours: Option<u32>,
    /// `true` queues nothing and says what would be.
    #[serde(default)]
    pub dry_run: bool,
}

/// A text, or fields of the input.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "must be a text, or an object with fields of the input"
)]
pub(crate) enum TopicBody {
    Text(String),
    Fields(BTreeMap<String, Value>),
}

/// Which times: those of a cron expression, or days of the week and a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EveryBody {
    /// Minute, hour, day of month, month, day of week.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub cron: Option<String>,
    /// Instead of `cron`.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 7, example = json!(["monday", "thursday"]))]
    pub weekdays: Vec<WeekdayWord>,
    /// Of the day, with `weekdays`; `09:00` where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, example = "09:00")]
    pub time: Option<ClockTime>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WeekdayWord {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// `none`: the generations begin then. `schedule`: the articles are published then, as far as the caller may publish
/// a draft in the project; else they stay drafts.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PublishWord {
    None,
    Schedule,
}

/// A time of day, such as `09:00`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ClockTime(NaiveTime);

impl TryFrom<String> for ClockTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = NaiveTime::parse_from_str(&text, "%H:%M");
        let time = time.map_err(|_| format!("`{text}` is no time of day such as `09:00`"));
        time.map(Self)
    }
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanReply {
    /// The jobs together; null where nothing was queued.
    #[schema(value_type = Option<String>, example = "bat_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub batch: Option<BatchId>,
    pub dry_run: bool,
    pub jobs: Vec<PlannedJobReply>,
}

/// A generation of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedJobReply {
    /// Null where it was not queued.
    #[schema(value_type = Option<String>, example = "job_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub job: Option<JobId>,
    #[schema(value_type = Object)]
    pub input: Value,
    /// Not before.
    pub run_at: DateTime<Utc>,
    pub publish_at: Option<DateTime<Utc>>,
}

/// What is planned, and what was published.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalendarReply {
    #[schema(example = "handbook")]
    pub project: String,
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    #[schema(example = "2026-03-01")]
    pub from: NaiveDate,
    #[schema(example = "2026-03-31")]
    pub to: NaiveDate,
    /// In order; those without anything are left out.
    pub days: Vec<CalendarDayReply>,
    /// There is more than is shown: ask for fewer days.
    pub cut: bool,
}

/// A day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalendarDayReply {
    pub date: NaiveDate,
    /// In order.
    pub entries: Vec<CalendarEntryReply>,
}

/// What is, or is to be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalendarEntryReply {
    pub at: DateTime<Utc>,
    /// `publication` (an article is published then), `published` (an article that is public; `at` is its last change),
    /// `run` (a schedule runs) or `job` (a generation begins, not before).
    #[schema(example = "publication")]
    pub kind: &'static str,
    /// Of the article, the schedule's name, or the topic of the job, if it has one.
    pub title: String,
    #[schema(value_type = Option<String>)]
    pub article: Option<ArticleId>,
    #[schema(value_type = Option<String>)]
    pub schedule: Option<ScheduleId>,
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
    /// Of a job: when its article is to be published.
    pub publish_at: Option<DateTime<Utc>>,
}

impl PlanBody {
    /// `invalid_input` with what is wrong and what would do.
    pub(crate) fn into_domain(self) -> Result<PlanWish> {
        let topics = match (self.topics.is_empty(), self.count) {
            (true, Some(count)) => vec![Topic::Fields(Map::new()); count.min(1_000)],
            (false, None) => self.topics.into_iter().map(Into::into).collect(),
            (true, None) => return Err(wrong("/topics", "must be given, or `count`")),
            (false, Some(_)) => return Err(wrong("/count", "stands instead of `topics`")),
        };
        let spread = match (self.every, self.to) {
            (Some(every), to) => {
                if self.time.is_some() {
                    return Err(wrong("/time", "stands in `every`, beside `weekdays`"));
                }
                Spread::Every {
                    cron: every.cron()?,
                    to,
                }
            }
            (None, Some(to)) => Spread::Over {
                to,
                at: self.time.map_or(DEFAULT_TIME, |time| time.0),
            },
            (None, None) => return Err(wrong("/to", "must be given, or `every`")),
        };
        if self.lead_hours.is_some_and(|hours| hours > MOST_LEAD_H) {
            return Err(wrong("/lead_hours", "must be at most 8760"));
        }
        let lead = TimeDelta::hours(i64::from(self.lead_hours.unwrap_or(DEFAULT_LEAD_H)));
        let publish = match self.publish {
            Some(PublishWord::Schedule) => Publish::Schedule { lead },
            Some(PublishWord::None) | None if self.lead_hours.is_some() => {
                return Err(wrong("/lead_hours", "goes with `publish` `schedule`"));
            }
            Some(PublishWord::None) | None => Publish::None,
        };
        Ok(PlanWish {
            name: self.name,
            project: self.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
            plugin: self.plugin,
            template: self.template,
            model: self.model,
            priority: self.priority.map(Priority::from).unwrap_or_default(),
            brief: self.brief,
            topics,
            topic_field: self.topic_field.unwrap_or_else(|| "topic".to_owned()),
            from: self.from,
            spread,
            time_zone: self.time_zone.unwrap_or_else(|| "UTC".to_owned()),
            publish,
        })
    }
}

impl From<TopicBody> for Topic {
    fn from(body: TopicBody) -> Self {
        match body {
            TopicBody::Text(text) => Self::Text(text),
            TopicBody::Fields(fields) => Self::Fields(fields.into_iter().collect()),
        }
    }
}

impl EveryBody {
    fn cron(self) -> Result<String> {
        if let Some(cron) = self.cron {
            let is_alone = self.weekdays.is_empty() && self.time.is_none();
            return match is_alone {
                true => Ok(cron),
                false => Err(wrong(
                    "/every/cron",
                    "stands instead of `weekdays` and `time`",
                )),
            };
        }
        if self.weekdays.is_empty() {
            return Err(wrong("/every/weekdays", "must be given, or `cron`"));
        }
        let time = self.time.map_or(DEFAULT_TIME, |time| time.0);
        let days: Vec<&str> = self.weekdays.iter().map(|day| day.in_cron()).collect();
        Ok(format!(
            "{} {} * * {}",
            time.minute(),
            time.hour(),
            days.join(",")
        ))
    }
}

impl WeekdayWord {
    fn in_cron(self) -> &'static str {
        match self {
            Self::Monday => "MON",
            Self::Tuesday => "TUE",
            Self::Wednesday => "WED",
            Self::Thursday => "THU",
            Self::Friday => "FRI",
            Self::Saturday => "SAT",
            Self::Sunday => "SUN",
        }
    }
}

fn wrong(pointer: &str, detail: &str) -> inkstone_domain::Error {
    let field = FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    invalid_fields("the plan is not valid as given", vec![field])
}

impl PlanReply {
    pub(crate) fn of(planned: Planned) -> Self {
        Self {
            dry_run: planned.batch.is_none(),
            batch: planned.batch,
            jobs: planned.jobs.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<PlannedJob> for PlannedJobReply {
    fn from(job: PlannedJob) -> Self {
        Self {
            job: job.job,
            input: job.input,
            run_at: job.run_at,
            publish_at: job.publish_at,
        }
    }
}

impl CalendarReply {
    pub(crate) fn of(range: CalendarRange, page: CalendarPage) -> Self {
        let days = page
            .days
            .into_iter()
            .map(|(date, entries)| CalendarDayReply {
                date,
                entries: entries.into_iter().map(Into::into).collect(),
            });
        Self {
            days: days.collect(),
            project: range.project,
            time_zone: range.time_zone,
            from: range.from,
            to: range.to,
            cut: page.is_cut,
        }
    }
}

impl From<CalendarEntry> for CalendarEntryReply {
    fn from(CalendarEntry { at, what }: CalendarEntry) -> Self {
        match what {
            Planning::Publication(article) => Self::of_article(at, "publication", *article),
            Planning::Published(article) => Self::of_article(at, "published", *article),
            Planning::Run(schedule) => Self::of_schedule(at, *schedule),
            Planning::Job(job) => Self::of_job(at, *job),
        }
    }
}

impl CalendarEntryReply {
    fn at(at: DateTime<Utc>, kind: &'static str, title: String) -> Self {
        Self {
            at,
            kind,
            title,
            article: None,
            schedule: None,
            job: None,
            publish_at: None,
        }
    }

    fn of_article(at: DateTime<Utc>, kind: &'static str, article: Article) -> Self {
        Self {
            article: Some(article.id),
            ..Self::at(at, kind, article.text.title)
        }
    }

    fn of_schedule(at: DateTime<Utc>, schedule: Schedule) -> Self {
        Self {
            schedule: Some(schedule.id),
            ..Self::at(at, "run", schedule.name)
        }
    }

    fn of_job(at: DateTime<Utc>, job: Job) -> Self {
        let (title, publish_at) = match &job.task {
            Task::Generate(task) => (task.input["topic"].as_str(), task.publish_at),
            Task::Work(_) => (None, None),
        };
        Self {
            job: Some(job.id),
            publish_at,
            ..Self::at(at, "job", title.unwrap_or_default().to_owned())
        }
    }
}
