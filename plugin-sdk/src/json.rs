//! JSON whose errors say where: `choices[0].delta: invalid type …`. Also finds the JSON a model hid in prose.

use serde::de::DeserializeOwned;
pub use serde_json::{Value, json, to_string};

use crate::{Error, ErrorKind, Result};

/// Reads what an upstream sent. What does not fit is an `upstream` error that names the place.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    read(text, ErrorKind::Upstream, "the upstream's JSON")
}

/// Reads what a user sent. What does not fit is an `invalid-input` error that names the place.
pub fn parse_input<T: DeserializeOwned>(text: &str) -> Result<T> {
    read(text, ErrorKind::InvalidInput, "the input")
}

/// Reads the first JSON object in what a model wrote, through code fences and chatter.
pub fn extract<T: DeserializeOwned>(text: &str) -> Result<T> {
    let object = extract_object(text)
        .ok_or_else(|| Error::upstream("the model's answer holds no JSON object"))?;
    read(object, ErrorKind::Upstream, "the model's JSON")
}

/// The first balanced `{…}` of a text that is valid JSON.
pub fn extract_object(text: &str) -> Option<&str> {
    let starts = text.match_indices('{').map(|(at, _)| at);
    starts
        .filter_map(|start| balanced(&text[start..]))
        .find(|object| serde_json::from_str::<serde::de::IgnoredAny>(object).is_ok())
}

pub(crate) fn read<T: DeserializeOwned>(text: &str, kind: ErrorKind, what: &str) -> Result<T> {
    // Knowing the place costs several times as much as reading, so only what does not fit is read again for it.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let place = error.path().to_string();
        let reason = error.inner();
        let message = if place == "." {
            format!("{what} does not fit: {reason}")
        } else {
            format!("{what} does not fit at `{place}`: {reason}")
        };
        Error::new(kind, message)
    })?;
    deserializer
        .end()
        .map_err(|error| Error::new(kind, format!("{what} goes on after its end: {error}")))?;
    Ok(value)
}

/// The prefix up to the brace that closes the first one, braces inside strings left out.
fn balanced(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Some(&text[..=at]);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        n: u32,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Outer {
        items: Vec<Inner>,
    }

    #[test]
    fn errors_name_the_place_and_the_kind() {
        let error = parse_input::<Outer>(r#"{"items":[{"n":1},{"n":"two"}]}"#).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        assert!(error.message.contains("`items[1].n`"), "{}", error.message);
        assert_eq!(parse::<Outer>("{").unwrap_err().kind, ErrorKind::Upstream);
        assert!(parse::<Inner>(r#"{"n":1} x"#).is_err());
    }

    #[test]
    fn objects_are_found_in_chatter() {
        for text in [
            r#"{"n":1}"#,
            "Sure! Here is {the} JSON:\n```json\n{\"n\":1}\n```\nAnything else {?}",
            r#"{broken {"n":1}"#,
        ] {
            assert_eq!(extract::<Inner>(text).unwrap(), Inner { n: 1 }, "{text}");
        }
        assert_eq!(
            extract_object(r#"x {"a":"}{\"","b":{}} y"#),
            Some(r#"{"a":"}{\"","b":{}}"#)
        );
        assert_eq!(extract_object("{ never closed"), None);
        assert!(extract::<Inner>("none").is_err());
    }
}
