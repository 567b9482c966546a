//! The ends of typed ranges: a number, a moment, or a day, which is all of it.

use std::ops::Bound as RangeBound;

use chrono::{DateTime, NaiveDate};

use super::ask::Bound;
use crate::schema::millis;

/// An end of a range.
#[derive(Clone, Copy)]
pub(super) enum Edge {
    Point(u64),
    /// From the first millisecond since 1970 to that after the last: a day is all of it.
    Day(u64, u64),
}

/// Of a day or a time.
pub(super) fn edge(text: &str) -> Option<Edge> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(Edge::Point(millis(time.to_utc())));
    }
    let day: NaiveDate = text.parse().ok()?;
    let begin = |day: NaiveDate| Some(millis(day.and_hms_opt(0, 0, 0)?.and_utc()));
    Some(Edge::Day(begin(day)?, begin(day.succ_opt()?)?))
}

/// `None` where it is no value.
pub(super) fn lower(bound: &Bound, read: impl Fn(&str) -> Option<Edge>) -> Option<RangeBound<u64>> {
    Some(match bound {
        Bound::Open => RangeBound::Unbounded,
        Bound::Included(text) => match read(text)? {
            Edge::Point(start) | Edge::Day(start, _) => RangeBound::Included(start),
        },
        Bound::Excluded(text) => match read(text)? {
            Edge::Point(point) => RangeBound::Excluded(point),
            Edge::Day(_, end) => RangeBound::Included(end),
        },
    })
}

pub(super) fn upper(bound: &Bound, read: impl Fn(&str) -> Option<Edge>) -> Option<RangeBound<u64>> {
    Some(match bound {
        Bound::Open => RangeBound::Unbounded,
        Bound::Included(text) => match read(text)? {
            Edge::Point(point) => RangeBound::Included(point),
            Edge::Day(_, end) => RangeBound::Excluded(end),
        },
        Bound::Excluded(text) => match read(text)? {
            Edge::Point(start) | Edge::Day(start, _) => RangeBound::Excluded(start),
        },
    })
}
