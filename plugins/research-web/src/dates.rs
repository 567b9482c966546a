//! Dates as the web writes them, and as the contract wants them: RFC 3339.

use chrono::{DateTime, FixedOffset, SecondsFormat};

/// The moment as RFC 3339; what is no date stays as it was written, and nothing stays nothing.
pub fn normalise(written: &str) -> Option<String> {
    let written = written.trim();
    if written.is_empty() {
        return None;
    }
    // A day stays a day: no hour is made up for it.
    let is_plain_day = written.len() == 10 && written.as_bytes().get(4) == Some(&b'-');
    if is_plain_day {
        return Some(written.to_owned());
    }
    Some(parse(written).map_or_else(|| written.to_owned(), |moment| to_text(&moment)))
}

/// A moment in any of the usual forms.
pub fn parse(written: &str) -> Option<DateTime<FixedOffset>> {
    diligent_date_parser::parse_date(written.trim())
}

/// RFC 3339, to the second.
pub fn to_text(moment: &DateTime<FixedOffset>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_rfc_3339_and_nonsense_stays() {
        for (written, expected) in [
            (
                "Sat, 01 Mar 2025 10:00:00 GMT",
                Some("2025-03-01T10:00:00Z"),
            ),
            (
                "2025-03-01T10:00:00.123+02:00",
                Some("2025-03-01T10:00:00+02:00"),
            ),
            ("2025-03-01", Some("2025-03-01")),
            ("last spring", Some("last spring")),
            ("  ", None),
        ] {
            assert_eq!(normalise(written).as_deref(), expected, "{written}");
        }
    }
}
