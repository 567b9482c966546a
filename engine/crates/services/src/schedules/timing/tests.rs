//! Times of expressions, above all around the days on which clocks are changed.

use expect_test::{Expect, expect};

use super::*;

fn cron(expression: &str, time_zone: &str) -> Timing {
    Timing::Cron {
        expression: expression.to_owned(),
        time_zone: time_zone.to_owned(),
    }
}

fn times(expression: &str, time_zone: &str) -> Times {
    Times::of(&cron(expression, time_zone)).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The times from one on to another, in the zone.
#[track_caller]
fn check(expression: &str, time_zone: &str, from: &str, to: &str, expected: Expect) {
    let times = times(expression, time_zone);
    let zone: Tz = time_zone.parse().unwrap();
    let found: Vec<DateTime<Utc>> = times.between(at(from), at(to)).take(20).collect();
    let shown = found.iter().map(|at| at.with_timezone(&zone).to_rfc3339());
    expected.assert_eq(&shown.collect::<Vec<_>>().join("\n"));
    // The same backwards.
    let newest_first = times.up_to(at(to) - TimeDelta::milliseconds(1));
    let mut back: Vec<DateTime<Utc>> = newest_first.take(found.len()).collect();
    back.reverse();
    assert_eq!(back, found);
}

#[test]
fn times_are_those_of_the_zone() {
    check(
        "30 6 * * MON-FRI",
        "America/New_York",
        "2026-01-02T00:00:00Z",
        "2026-01-07T00:00:00Z",
        expect![[r#"
            2026-01-02T06:30:00-05:00
            2026-01-05T06:30:00-05:00
            2026-01-06T06:30:00-05:00"#]],
    );
    check(
        "@monthly",
        "Asia/Kathmandu",
        "2026-01-01T00:00:00Z",
        "2026-03-02T00:00:00Z",
        expect![[r#"
            2026-02-01T00:00:00+05:45
            2026-03-01T00:00:00+05:45"#]],
    );
}

/// In Berlin, 2026-03-29 has no time from 02:00 to 03:00.
#[test]
fn a_time_that_does_not_exist() {
    let (from, to) = ("2026-03-28T00:00:00Z", "2026-03-30T22:00:00Z");
    check(
        "30 2 * * *",
        "Europe/Berlin",
        from,
        to,
        expect![[r#"
            2026-03-28T02:30:00+01:00
            2026-03-29T03:00:00+02:00
            2026-03-30T02:30:00+02:00"#]],
    );
    check(
        "*/30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        "2026-03-29T02:00:00Z",
        expect![[r#"
            2026-03-29T01:00:00+01:00
            2026-03-29T01:30:00+01:00
            2026-03-29T03:00:00+02:00
            2026-03-29T03:30:00+02:00"#]],
    );
}

/// In Berlin, 2026-10-25 has the times from 02:00 to 03:00 twice.
#[test]
fn a_time_that_exists_twice() {
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T00:00:00Z",
        "2026-10-27T00:00:00Z",
        expect![[r#"
            2026-10-24T02:30:00+02:00
            2026-10-25T02:30:00+02:00
            2026-10-26T02:30:00+01:00"#]],
    );
    check(
        "*/30 2 * * *",
        "Europe/Berlin",
        "2026-10-25T00:00:00Z",
        "2026-10-25T02:00:00Z",
        expect![[r#"
            2026-10-25T02:00:00+02:00
            2026-10-25T02:30:00+02:00
            2026-10-25T02:00:00+01:00
            2026-10-25T02:30:00+01:00"#]],
    );
}

#[track_caller]
fn refused(expression: &str, time_zone: &str, expected: Expect) {
    let wrong = Times::of(&cron(expression, time_zone)).err().unwrap();
    let lines = wrong
        .iter()
        .map(|it| format!("{} {}", it.pointer, it.detail));
    expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_wrong_is_named() {
    refused(
        "0 25 * * *",
        "UTC",
        expect!["/cron the hour, `25`, cannot be read: Number out of bounds"],
    );
    refused(
        "0 8 * * FRYDAY",
        "UTC",
        expect![
            "/cron the day of week, `FRYDAY`, cannot be read: CronPattern contains illegal character 'F' in part 'FRYDAY'"
        ],
    );
    refused(
        "0 0 8 * * *",
        "UTC",
        expect![
            "/cron must have five fields (minute, hour, day of month, month, day of week), such as `30 6 * * MON-FRI`, or be one of `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`; it has 6"
        ],
    );
    refused(
        "",
        "UTC",
        expect![
            "/cron must have five fields (minute, hour, day of month, month, day of week), such as `30 6 * * MON-FRI`, or be one of `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`; it has 0"
        ],
    );
    refused(
        "0 8 * * *",
        "Europe/Berln",
        expect!["/time_zone is no time zone of the IANA database; did you mean `Europe/Berlin`?"],
    );
    refused(
        "x",
        "Mars",
        expect![[r#"
        /cron must have five fields (minute, hour, day of month, month, day of week), such as `30 6 * * MON-FRI`, or be one of `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`; it has 1
        /time_zone is no time zone of the IANA database, such as `Europe/Berlin`"#]],
    );
}

#[test]
fn what_never_comes_is_found_out() {
    for never in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *"] {
        let wrong = Times::of(&cron(never, "Europe/Berlin")).err().unwrap();
        assert_eq!(wrong[0].detail, "names a day that never comes");
    }
    for (rare, next) in [
        ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ("0 0 29 2 +MON", "2044-02-29T00:00:00Z"),
        ("0 0 L 2 *", "2026-02-28T00:00:00Z"),
    ] {
        let found = times(rare, "UTC").next_after(at("2026-01-01T00:00:00Z"));
        assert_eq!(found, Some(at(next)), "{rare}");
    }
}

#[test]
fn what_is_done_about_missed_times() {
    let hourly = times("0 * * * *", "UTC");
    let day = |hour: u32| at(&format!("2026-03-04T{hour:02}:00:00Z"));
    let seconds = TimeDelta::seconds;
    let due = |missed, planned, now| hourly.due(missed, planned, now);
    // On time, all are alike.
    for missed in Missed::ALL {
        let wanted = Due {
            run: vec![day(7)],
            skipped: None,
        };
        assert_eq!(due(missed, day(7), day(7) + seconds(59)), wanted);
    }
    let late = day(9) + seconds(600);
    assert_eq!(
        due(Missed::Skip, day(7), late),
        Due {
            run: vec![],
            skipped: Some((day(7), day(9)))
        }
    );
    assert_eq!(
        due(Missed::Skip, day(7), day(9) + seconds(5)),
        Due {
            run: vec![day(9)],
            skipped: Some((day(7), day(8)))
        }
    );
    assert_eq!(
        due(Missed::Once, day(7), late),
        Due {
            run: vec![day(9)],
            skipped: None
        }
    );
    assert_eq!(
        due(Missed::All, day(7), late),
        Due {
            run: vec![day(7), day(8), day(9)],
            skipped: None
        }
    );
    // Of very many, the newest.
    let minutely = times("* * * * *", "UTC");
    let all = minutely.due(Missed::All, day(1), day(9));
    assert_eq!(all.run.len(), MOST_MADE_UP);
    assert_eq!(all.run.last(), Some(&day(9)));
    let minute = TimeDelta::minutes(1);
    assert_eq!(all.skipped, Some((day(1), all.run[0] - minute)));
    // Once is once, however late.
    let once = Times::Once(day(7));
    assert_eq!(once.due(Missed::Once, day(7), late).run, [day(7)]);
    assert_eq!(
        once.due(Missed::Skip, day(7), late).skipped,
        Some((day(7), day(7)))
    );
    assert_eq!(once.next_after(late), None);
}
