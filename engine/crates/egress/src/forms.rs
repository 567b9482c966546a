//! The forms in which a secret may come back: as it is, and as the usual encodings write it. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Every text that gives the secret away: itself, in JSON, percent-encoded, in hexadecimal, and in
/// base64, wherever in a longer text it stands.
pub(crate) fn forms_of(secret: &str) -> BTreeSet<String> {
    let form = percent_encoded(secret);
    let component = form.replace('+', "%20");
    let json = in_json(secret);
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        // Some writers of JSON escape the slash, and some encoders leave all but the slash.
        json.replace('/', "\\/"),
        secret.replace('/', "%2F"),
        secret.replace('/', "%2f"),
        // What was quoted for debugging, within a line of JSON.
        in_json(&json),
        json,
        with_small_digits(&form),
        with_small_digits(&component),
        form,
        component,
        hexadecimal(secret, false),
        hexadecimal(secret, true),
    ]);
    for bytes_before in 0..3 {
        forms.insert(core_of_base64(&STANDARD_NO_PAD, secret, bytes_before));
        forms.insert(core_of_base64(&URL_SAFE_NO_PAD, secret, bytes_before));
    }
    forms
}

/// As `user:password` stands behind `Basic `: what is encoded there is as secret as its encoding.
pub(crate) fn within_basic(secret: &str) -> Option<String> {
    let bytes = STANDARD_NO_PAD.decode(secret.trim_end_matches('=')).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (_, password) = text.split_once(':')?;
    Some(password.to_owned())
}

fn in_json(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(secret).to_owned()
}

fn percent_encoded(secret: &str) -> String {
    url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()
}

fn with_small_digits(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(part.len().min(2));
        text.push('%');
        text.push_str(&digits.to_ascii_lowercase());
        text.push_str(rest);
    }
    text
}

fn hexadecimal(secret: &str, capital: bool) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = if capital {
            write!(text, "{byte:02X}")
        } else {
            write!(text, "{byte:02x}")
        };
        text
    })
}

/// The characters that depend on the secret alone when so many bytes (of each three) stand before it
/// and anything behind; at most four bits at either end are not among them.
fn core_of_base64(engine: &impl Engine, secret: &str, bytes_before: usize) -> String {
    let mut bytes = vec![0; bytes_before];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&bytes);
    let begin = (bytes_before * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded.get(begin..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_encodings_are_known() {
        let forms = forms_of("sk /ü\"+key");
        for form in [
            "sk /ü\"+key",
            "sk /ü\\\"+key",
            "sk \\/ü\\\"+key",
            "sk %2Fü\"+key",
            "sk+%2F%C3%BC%22%2Bkey",
            "sk%20%2f%c3%bc%22%2bkey",
            "736b202fc3bc222b6b6579",
            "736B202FC3BC222B6B6579",
        ] {
            assert!(forms.contains(form), "{form} in {forms:?}");
        }
    }

    #[test]
    fn base64_is_found_at_every_offset_and_whatever_follows() {
        let secret = "sk-0123?~~é456789";
        let forms = forms_of(secret);
        for before in ["", "a", "ab", "abc", "Bearer "] {
            for after in ["", "\n", "xy", "xyz"] {
                let text = format!("{before}{secret}{after}");
                for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    let found = forms.iter().any(|form| encoded.contains(form.as_str()));
                    assert!(found, "{before:?} {after:?}: {encoded}");
                }
            }
        }
    }

    #[test]
    fn the_password_within_basic_is_known() {
        assert_eq!(
            within_basic("dXNlcjpwYXNzd29yZA==").as_deref(),
            Some("password")
        );
        assert_eq!(within_basic("sk-12345678"), None);
    }
}
