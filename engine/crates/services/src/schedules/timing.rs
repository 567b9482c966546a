//! Which times a schedule means. A cron expression speaks of the clock on the wall of its time zone: one that names a
//! single hour and minute runs once on each of its days, also where that time does not exist (then at the first moment
//! that does) or exists twice (then the first time). One with steps, lists or `*` for hour or minute follows the clock:
//! what does not exist is left out, and what exists twice runs twice.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use inkstone_domain::FieldError;
use inkstone_domain::schedule::{MOST_MADE_UP, Missed, Timing};

/// What is later than this was missed.
const ON_TIME: TimeDelta = TimeDelta::seconds(60);
const MOST_CRON_CHARS: usize = 200;
/// Beyond these, offsets lead out of what a date can be.
const FIRST_DAY: NaiveDate = day_of(1);
const LAST_DAY: NaiveDate = day_of(9_999);
/// Somewhere a whole day was left out.
const MOST_GAP_MINUTES: i64 = 25 * 60;
const FIELDS: [&str; 5] = ["minute", "hour", "day of month", "month", "day of week"];
/// Less alike is no slip.
const ALIKE: f64 = 0.85;

/// The times of a schedule.
pub(crate) enum Times {
    Once(DateTime<Utc>),
    Cron { cron: Box<Cron>, zone: Tz },
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Oldest first.
    pub run: Vec<DateTime<Utc>>,
    /// The first and the last of those that are let go.
    pub skipped: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// A time zone, as far as days and times of days matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone(Tz);

impl Zone {
    /// Says what is wrong with the name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        zone_of(name).map(Self)
    }

    pub(crate) fn date_of(self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    /// The first moment of a day.
    pub(crate) fn begin_of(self, day: NaiveDate) -> DateTime<Utc> {
        self.at(day, NaiveTime::MIN)
    }

    /// That time of a day: the first where it exists twice, and the first moment after it where it does not.
    pub(crate) fn at(self, day: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
        let wanted = day.clamp(FIRST_DAY, LAST_DAY).and_time(time);
        let minutes = (0..MOST_GAP_MINUTES).map(|minutes| wanted + TimeDelta::minutes(minutes));
        let mut existing =
            minutes.filter_map(|local| self.0.from_local_datetime(&local).earliest());
        let first = existing.next();
        first.map_or_else(|| wanted.and_utc(), |first| first.with_timezone(&Utc))
    }
}

impl Due {
    pub(super) fn only(at: DateTime<Utc>) -> Self {
        Self {
            run: vec![at],
            skipped: None,
        }
    }
}

impl Times {
    /// Says of each field what is wrong with it.
    pub(crate) fn of(timing: &Timing) -> Result<Self, Vec<FieldError>> {
        let (expression, time_zone) = match timing {
            Timing::At(at) => return Ok(Self::Once(*at)),
            Timing::Cron {
                expression,
                time_zone,
            } => (expression, time_zone),
        };
        let cron = cron_of(expression).map_err(|detail| wrong("/cron", detail));
        let zone = zone_of(time_zone).map_err(|detail| wrong("/time_zone", detail));
        match (cron, zone) {
            (Ok(cron), Ok(zone)) => Ok(Self::Cron {
                cron: Box::new(cron),
                zone,
            }),
            (cron, zone) => Err(cron.err().into_iter().chain(zone.err()).collect()),
        }
    }

    /// The first one after that time.
    pub(crate) fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Once(once) => Some(*once).filter(|once| *once > at),
            Self::Cron { cron, zone } => {
                let next = cron.find_next_occurrence(&at.with_timezone(zone), false);
                next.ok().map(|next| next.with_timezone(&Utc))
            }
        }
    }

    /// From one time on and before the other, oldest first.
    pub(crate) fn between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> {
        let first = self.next_after(from - TimeDelta::milliseconds(1));
        std::iter::successors(first, |at| self.next_after(*at)).take_while(move |at| *at < to)
    }

    /// At that time and before it, newest first.
    fn up_to(&self, now: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let newest = match self {
            Self::Once(once) => Some(*once).filter(|once| *once <= now),
            Self::Cron { cron, zone } => {
                let newest = cron.find_previous_occurrence(&now.with_timezone(zone), true);
                newest.ok().map(|newest| newest.with_timezone(&Utc))
            }
        };
        std::iter::successors(newest, |at| match self {
            Self::Once(_) => None,
            Self::Cron { cron, zone } => {
                let before = cron.find_previous_occurrence(&at.with_timezone(zone), false);
                before.ok().map(|before| before.with_timezone(&Utc))
            }
        })
    }

    /// What is to be done where `planned` was the next time and it is `now`.
    pub(super) fn due(&self, missed: Missed, planned: DateTime<Utc>, now: DateTime<Utc>) -> Due {
        let mut due: Vec<DateTime<Utc>> = self
            .up_to(now)
            .take_while(|at| *at >= planned)
            .take(MOST_MADE_UP + 1)
            .collect();
        if due.is_empty() {
            // An engine with other rules of the time zone has planned it.
            due.push(planned);
        }
        let runs = match missed {
            Missed::Skip => due.iter().filter(|at| now - **at <= ON_TIME).count(),
            Missed::Once => 1,
            Missed::All => due.len().min(MOST_MADE_UP),
        };
        let skipped = match missed {
            Missed::Once => None,
            Missed::Skip | Missed::All => due.get(runs).map(|last| (planned, *last)),
        };
        due.truncate(runs);
        due.reverse();
        Due { run: due, skipped }
    }
}

const fn day_of(year: i32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, 6, 15) {
        Some(day) => day,
        None => NaiveDate::MIN,
    }
}

fn wrong(pointer: &str, detail: String) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        detail,
    }
}

fn cron_of(expression: &str) -> Result<Cron, String> {
    if expression.chars().count() > MOST_CRON_CHARS {
        return Err(format!("must have at most {MOST_CRON_CHARS} characters"));
    }
    let cron = parse(expression).map_err(|error| what_is_wrong(expression, &error))?;
    match has_a_day(expression) {
        true => Ok(cron),
        false => Err("names a day that never comes".to_owned()),
    }
}

/// Whether any day is one of its days: to look for its next time would take long where none is. Days and weekdays
/// come round in 28 years.
fn has_a_day(expression: &str) -> bool {
    let [_, _, days, months, weekdays] = expression.split_whitespace().collect::<Vec<_>>()[..]
    else {
        // Those that have a name.
        return true;
    };
    let Ok(daily) = parse(&format!("0 0 {days} {months} {weekdays}")) else {
        return false;
    };
    let round = day_of(2_000).iter_days().take(28 * 366);
    let mut midnights = round.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    midnights.any(|day| daily.is_time_matching(&day).unwrap_or(false))
}

fn parse(expression: &str) -> Result<Cron, CronError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(expression)
}

/// Names the field.
fn what_is_wrong(expression: &str, error: &CronError) -> String {
    let given: Vec<&str> = expression.split_whitespace().collect();
    if given.len() != FIELDS.len() {
        return format!(
            "must have five fields ({}), such as `30 6 * * MON-FRI`, or be one of `@hourly`, `@daily`, \
             `@weekly`, `@monthly` and `@yearly`; it has {}",
            FIELDS.join(", "),
            given.len()
        );
    }
    for (place, (name, field)) in FIELDS.iter().zip(&given).enumerate() {
        let mut alone = ["*"; FIELDS.len()];
        if let Some(one) = alone.get_mut(place) {
            *one = field;
        }
        if let Err(error) = parse(&alone.join(" ")) {
            return format!("the {name}, `{field}`, cannot be read: {}", reason(&error));
        }
    }
    reason(error)
}

fn reason(error: &CronError) -> String {
    match error {
        CronError::InvalidPattern(reason)
        | CronError::IllegalCharacters(reason)
        | CronError::ComponentError(reason) => reason.trim_end_matches('.').to_owned(),
        other => other.to_string(),
    }
}

fn zone_of(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        let nearest = TZ_VARIANTS
            .iter()
            .map(|zone| (strsim::jaro_winkler(zone.name(), name), zone.name()))
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        match nearest {
            Some((alike, known)) if alike >= ALIKE => {
                format!("is no time zone of the IANA database; did you mean `{known}`?")
            }
            _ => "is no time zone of the IANA database, such as `Europe/Berlin`".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests;
