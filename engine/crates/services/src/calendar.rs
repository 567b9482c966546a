//! The calendar of a project: what is planned and what was published, day by day. What is planned from a brief is in
//! `planning`; that an article is published at its planned time, in `publishing`.

mod planning;
mod publishing;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};
use inkstone_domain::content::{
    Article, ArticleFilter, ArticleSort, Page, PageRequest, Span, Status,
};
use inkstone_domain::job::{Job, JobFilter, JobStatus, Task};
use inkstone_domain::ports::{Clock, UserStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::schedule::{Schedule, ScheduleFilter};
use inkstone_domain::{Error, FieldError, Result, codes};

pub use self::planning::{PlanWish, Planned, PlannedJob, Publish, Spread, Topic};
pub use self::publishing::PlannedPublications;
use crate::access::Access;
use crate::content::{Articles, DEFAULT_PROJECT, check_project};
use crate::jobs::Jobs;
use crate::policy::Act;
use crate::schedules::{Schedules, Zone};

const MOST_DAYS: u64 = 366;
const AT_ONCE: usize = 100;
/// Of articles, jobs and schedules each; beyond, the calendar is cut.
const MOST_PAGES: usize = 10;
/// Of one schedule.
const MOST_RUNS: usize = 200;

/// Which days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarRange {
    /// Slug.
    pub project: String,
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Whose days, by name of the IANA database.
    pub time_zone: String,
}

/// Days on which something is, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarPage {
    pub days: BTreeMap<NaiveDate, Vec<CalendarEntry>>,
    /// There is more than is shown.
    pub is_cut: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CalendarEntry {
    pub at: DateTime<Utc>,
    pub what: Planning,
}

/// What is, or is to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Planning {
    /// An article is published then.
    Publication(Box<Article>),
    /// An article that is published was changed last then.
    Published(Box<Article>),
    /// A schedule runs.
    Run(Box<Schedule>),
    /// A generation begins, not before.
    Job(Box<Job>),
}

/// Shows calendars and plans.
pub struct Calendar {
    articles: Arc<Articles>,
    jobs: Arc<Jobs>,
    schedules: Arc<Schedules>,
    users: Arc<dyn UserStore>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
}

impl Calendar {
    pub fn new(
        articles: &Arc<Articles>,
        jobs: &Arc<Jobs>,
        schedules: &Arc<Schedules>,
        users: &Arc<dyn UserStore>,
        access: &Arc<Access>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            articles: Arc::clone(articles),
            jobs: Arc::clone(jobs),
            schedules: Arc::clone(schedules),
            users: Arc::clone(users),
            access: Arc::clone(access),
            clock: Arc::clone(clock),
        }
    }

    /// Articles as far as they may be read, jobs and schedules of one's own, and for admins all; for members of the
    /// project, and in `default` for everybody.
    pub async fn show(&self, principal: &Principal, range: &CalendarRange) -> Result<CalendarPage> {
        check_project(&range.project)?;
        if range.project != DEFAULT_PROJECT {
            let enter = self
                .access
                .enter(principal, &range.project, Act::SeeProject);
            enter.await?;
        }
        let span = range.checked()?;
        let mut found = Found {
            zone: span.zone,
            from: span.from,
            until: span.until,
            days: BTreeMap::new(),
            is_cut: false,
        };
        self.add_articles(principal, range, &mut found).await?;
        self.add_jobs(principal, range, &mut found).await?;
        self.add_runs(principal, range, &mut found).await?;
        for entries in found.days.values_mut() {
            entries.sort_by_key(|entry| entry.at);
        }
        Ok(CalendarPage {
            days: found.days,
            is_cut: found.is_cut,
        })
    }

    async fn add_articles(
        &self,
        principal: &Principal,
        range: &CalendarRange,
        found: &mut Found,
    ) -> Result<()> {
        let scheduled = ArticleFilter {
            project: Some(range.project.clone()),
            status: Some(Status::Scheduled),
            ..ArticleFilter::default()
        };
        let published = ArticleFilter {
            project: Some(range.project.clone()),
            status: Some(Status::Published),
            updated: Span {
                from: Some(found.from),
                until: Some(found.until),
            },
            sort: ArticleSort::Updated,
            ..ArticleFilter::default()
        };
        let articles = &self.articles;
        let read = |filter: ArticleFilter| {
            pages(move |page| articles.list(principal, filter.clone(), page))
        };
        let (scheduled, is_cut) = read(scheduled).await?;
        found.is_cut |= is_cut;
        for article in scheduled {
            if let Some(at) = article.text.publish_at {
                found.add(at, Planning::Publication(Box::new(article)));
            }
        }
        let (published, is_cut) = read(published).await?;
        found.is_cut |= is_cut;
        for article in published {
            found.add(article.updated_at, Planning::Published(Box::new(article)));
        }
        Ok(())
    }

    async fn add_jobs(
        &self,
        principal: &Principal,
        range: &CalendarRange,
        found: &mut Found,
    ) -> Result<()> {
        let queued = JobFilter {
            status: Some(JobStatus::Queued),
            kind: Some(Task::GENERATE.to_owned()),
            project: Some(range.project.clone()),
            ..JobFilter::default()
        };
        let jobs = &self.jobs;
        let (queued, is_cut) = pages(|page| jobs.list(principal, queued.clone(), page)).await?;
        found.is_cut |= is_cut;
        for job in queued {
            found.add(job.run_at, Planning::Job(Box::new(job)));
        }
        Ok(())
    }

    async fn add_runs(
        &self,
        principal: &Principal,
        range: &CalendarRange,
        found: &mut Found,
    ) -> Result<()> {
        let here = ScheduleFilter {
            owner: None,
            project: Some(range.project.clone()),
        };
        let schedules = &self.schedules;
        let (here, is_cut) = pages(|page| schedules.list(principal, here.clone(), page)).await?;
        found.is_cut |= is_cut;
        for schedule in here {
            let times = Schedules::planned(&schedule, found.from, found.until, MOST_RUNS);
            found.is_cut |= times.len() == MOST_RUNS;
            for at in times {
                found.add(at, Planning::Run(Box::new(schedule.clone())));
            }
        }
        Ok(())
    }
}

/// All pages of a list, as far as they are not too many, and whether they are.
async fn pages<T, F>(mut read: impl FnMut(PageRequest) -> F) -> Result<(Vec<T>, bool)>
where
    F: Future<Output = Result<Page<T>>>,
{
    let mut items = Vec::new();
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let page = PageRequest {
            limit: AT_ONCE,
            cursor,
        };
        let page = read(page).await?;
        items.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok((items, false)),
        }
    }
    Ok((items, true))
}

/// The days as they are filled.
struct Found {
    zone: Zone,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    days: BTreeMap<NaiveDate, Vec<CalendarEntry>>,
    is_cut: bool,
}

impl Found {
    /// Unless it is on another day.
    fn add(&mut self, at: DateTime<Utc>, what: Planning) {
        if at < self.from || at >= self.until {
            return;
        }
        let day = self.days.entry(self.zone.date_of(at)).or_default();
        day.push(CalendarEntry { at, what });
    }
}

/// The instants of a range.
struct Instants {
    zone: Zone,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl CalendarRange {
    fn checked(&self) -> Result<Instants> {
        let wrong = |pointer: &str, detail: String| {
            let field = FieldError {
                pointer: pointer.to_owned(),
                detail,
            };
            let message = "a query parameter is not valid";
            Error::new(&codes::INVALID_INPUT, message).with_fields(vec![field])
        };
        let zone = Zone::named(&self.time_zone);
        let zone = zone.map_err(|detail| wrong("?time_zone", detail))?;
        let last = self.from.checked_add_days(Days::new(MOST_DAYS - 1));
        if self.to < self.from || last.is_none_or(|last| self.to > last) {
            let detail = format!(
                "must be the same day as `from`, or up to {} later",
                MOST_DAYS - 1
            );
            return Err(wrong("?to", detail));
        }
        let after = self.to.succ_opt().unwrap_or(self.to);
        Ok(Instants {
            from: zone.begin_of(self.from),
            until: zone.begin_of(after),
            zone,
        })
    }
}
