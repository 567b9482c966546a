//! Times in indexes. The database orders them there by their RFC 3339 text, which has no zeros at its end
//! (surrealdb-expr 3.3.5, `val/datetime.rs`): so `06Z` comes after `06.5Z`, and `06.814Z` after `06.814620Z`. What lies
//! between two bounds does so by its text and by its time.

use chrono::{DateTime, SubsecRound, TimeDelta, Timelike, Utc};
use inkstone_domain::following::Span;

use crate::statement::Statement;

/// To the end of times that are ordered so: their years have four digits.
const FAR: TimeDelta = TimeDelta::days(2_900_000);

/// Nothing from `at` on comes before it.
pub(crate) fn since(at: DateTime<Utc>) -> DateTime<Utc> {
    match at.nanosecond() % 1_000 {
        0 => at - TimeDelta::nanoseconds(1),
        _ => at,
    }
}

/// Nothing up to `at` comes after it. What comes before it may be later than `at`, by less than a second.
pub(crate) fn through(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(0) + TimeDelta::seconds(1)
}

/// For statements that read from `$since` through `$until`. They may find a little more.
pub(crate) fn bind(statement: Statement, within: Span) -> Statement {
    statement.bind("since", since(within.since)).bind(
        "until",
        within.until.map_or(DateTime::UNIX_EPOCH + FAR, through),
    )
}

/// The same to a nanosecond, with all digits: such times are ordered as they are.
pub(crate) fn exact(at: DateTime<Utc>) -> DateTime<Utc> {
    at.with_nanosecond(at.nanosecond() | 1).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use inkstone_testkit::run_on_deep_stack;

    use super::*;
    use crate::plans;

    const SETUP: &str = "{
        DEFINE TABLE moment;
        DEFINE INDEX moment_at ON moment FIELDS at;
        INSERT INTO moment $times.map(|$at| { at: $at }) RETURN NONE;
        RETURN NONE;
    }";

    #[test]
    fn bounds_leave_nothing_out() {
        run_on_deep_stack(async {
            let store = plans::store().await;
            let second = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
            let nanoseconds = [
                0,
                1,
                1_000,
                1_500,
                500_000,
                814_620_000,
                814_620_001,
                814_620_999,
                900_000_000,
                999_999_999,
                1_000_000_000,
                1_000_000_001,
            ];
            let times = nanoseconds.map(|after| second + TimeDelta::nanoseconds(after));
            let setup = Statement::new(SETUP).bind("times", times.to_vec());
            store.write::<()>(setup).await.unwrap();
            let [later, sooner] = [">=", "<="].map(|is| {
                format!(
                    "SELECT VALUE at FROM moment WITH INDEX moment_at WHERE at {is} $at ORDER BY at"
                )
            });
            for at in times {
                let read = async |text: &str, bound| {
                    let statement = Statement::new(text.to_owned()).bind("at", bound);
                    let read: Vec<DateTime<Utc>> = store.read(statement).await.unwrap();
                    read
                };
                let read_later = read(&later, since(at)).await;
                assert!(read_later.iter().all(|it| *it >= since(at)), "{at}");
                let count = times.iter().filter(|it| **it >= at).count();
                let read_count = read_later.iter().filter(|it| **it >= at).count();
                assert_eq!(read_count, count, "from {at}");

                let read_sooner = read(&sooner, through(at)).await;
                let count = times.iter().filter(|it| **it <= at).count();
                let read_count = read_sooner.iter().filter(|it| **it <= at).count();
                assert_eq!(read_count, count, "through {at}");
            }
        });
    }

    #[test]
    fn exact_times_are_ordered_as_they_are() {
        run_on_deep_stack(async {
            let store = plans::store().await;
            let second = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
            let after = [0, 2, 998, 1_000, 999_999_998, 1_000_000_000];
            let times = after.map(|after| exact(second + TimeDelta::nanoseconds(after)));
            let setup = Statement::new(SETUP).bind("times", times.to_vec());
            store.write::<()>(setup).await.unwrap();
            for (place, at) in times.iter().enumerate() {
                let two = "SELECT VALUE at FROM moment WITH INDEX moment_at WHERE at >= $at ORDER BY at LIMIT 2";
                let two = Statement::new(two).bind("at", *at);
                let two: Vec<DateTime<Utc>> = store.read(two).await.unwrap();
                let next: Vec<_> = times[place..].iter().copied().take(2).collect();
                assert_eq!(two, next, "{at}");
            }
        });
    }
}
