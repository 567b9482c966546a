//! The fields of a plugin's line: names a filter can use, values that are not too long, and neither
//! so many nor in such a place that they could be taken for the engine's own.

use serde_json::{Map, Value};

use super::shorten;

/// Most fields of one line.
const MAX_FIELDS: usize = 32;
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Longest value, in bytes.
const MAX_VALUE_BYTES: usize = 1 << 10;

/// The fields as one JSON object; `None` where none is left. Of one name the last counts.
pub(super) fn as_json(fields: &[(String, String)]) -> Option<String> {
    let kept: Map<String, Value> = fields
        .iter()
        .take(MAX_FIELDS)
        .filter(|(name, _)| is_name(name))
        .map(|(name, value)| {
            let value = shorten(value, MAX_VALUE_BYTES);
            (name.clone(), Value::from(value))
        })
        .collect();
    (!kept.is_empty()).then(|| Value::Object(kept).to_string())
}

fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-')
    };
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Option<String> {
        let owned: Vec<(String, String)> = pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        as_json(&owned)
    }

    #[test]
    fn names_are_checked_and_the_last_of_one_name_counts() {
        let long = "x".repeat(65);
        let line = fields(&[
            ("url", "one"),
            ("Bad Name", "x"),
            ("", "x"),
            (&long, "x"),
            ("url", "two \"quoted\""),
        ]);
        assert_eq!(line.as_deref(), Some(r#"{"url":"two \"quoted\""}"#));
        assert_eq!(fields(&[("A", "b")]), None);
        assert_eq!(fields(&[]), None);
    }

    #[test]
    fn many_and_long_ones_are_cut() {
        let many: Vec<(String, String)> = (0..100)
            .map(|number| (format!("n{number}"), "é".repeat(1_000)))
            .collect();
        let text = as_json(&many).unwrap();
        let kept: Map<String, Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(kept.len(), MAX_FIELDS);
        assert_eq!(kept["n0"].as_str().unwrap().len(), MAX_VALUE_BYTES);
    }
}
