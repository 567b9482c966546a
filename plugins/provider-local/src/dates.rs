//! The few `strftime` letters that chat templates use, in UTC.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Milliseconds since 1970 as this format says; letters that are not known stay as they are.
pub fn format_utc(now_ms: u64, format: &str) -> String {
    let seconds = now_ms / 1000;
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let month_name = MONTHS[(month - 1) as usize];
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('Y') => out.push_str(&year.to_string()),
            Some('m') => out.push_str(&format!("{month:02}")),
            Some('d') => out.push_str(&format!("{day:02}")),
            Some('B') => out.push_str(month_name),
            Some('b') => out.push_str(&month_name[..3]),
            Some('H') => out.push_str(&format!("{:02}", seconds / 3600 % 24)),
            Some('M') => out.push_str(&format!("{:02}", seconds / 60 % 60)),
            Some('S') => out.push_str(&format!("{:02}", seconds % 60)),
            Some('%') | None => out.push('%'),
            Some(other) => {
                out.push('%');
                out.push(other);
            }
        }
    }
    out
}

/// Year, month (1 to 12) and day of a number of days since 1970-01-01, by the proleptic Gregorian calendar
/// (Howard Hinnant's algorithm: years begin in March, eras have 400 of them).
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_the_edges() {
        for (now_ms, want) in [
            (0, "01 Jan 1970"),
            (951_782_400_000, "29 Feb 2000"),
            (1_735_689_599_000, "31 Dec 2024"),
            (1_735_689_600_000, "01 Jan 2025"),
        ] {
            assert_eq!(format_utc(now_ms, "%d %b %Y"), want);
        }
        assert_eq!(
            format_utc(951_782_461_000, "%B %Y-%m-%d %H:%M:%S 100%% %q"),
            "February 2000-02-29 00:01:01 100% %q"
        );
    }
}
