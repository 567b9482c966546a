//! Slugs: the part of an address a person can read, made from a title.

use deunicode::deunicode;

const MAX_CHARS: usize = 100;

/// Lower-case ASCII words joined by `-`, cut between words; `untitled` where nothing is left.
pub fn slug_of(title: &str) -> String {
    let ascii = deunicode(title).to_ascii_lowercase();
    let words = ascii
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        let word: String = word.chars().take(MAX_CHARS).collect();
        if slug.len() + 1 + word.len() > MAX_CHARS && !slug.is_empty() {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word);
    }
    match slug.is_empty() {
        true => "untitled".to_owned(),
        false => slug,
    }
}

/// The slug to try when others have it: `base-2`, `base-3`, then with a random number, so that the thousandth
/// text of a title is hardly slower than the third. `clash` counts from 1.
pub fn numbered(base: &str, clash: u32) -> String {
    let number = match clash {
        1..=2 => clash + 1,
        _ => rand::random_range(100_000..1_000_000),
    };
    let suffix = format!("-{number}");
    let kept = base.len().min(MAX_CHARS - suffix.len());
    format!("{}{suffix}", base[..kept].trim_end_matches('-'))
}

/// Whether a text is a slug.
pub fn is_slug(text: &str) -> bool {
    matches!(text.len(), 1..=MAX_CHARS)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit() {
        assert_eq!(numbered("tides", 1), "tides-2");
        assert_eq!(numbered("tides", 2), "tides-3");
        let random = numbered("tides", 3);
        assert_eq!(random.len(), "tides-123456".len(), "{random}");
        let long = format!("{}-{}", "x".repeat(97), "yy");
        assert_eq!(numbered(&long, 1), format!("{}-2", "x".repeat(97)));
        assert!(is_slug(&numbered(&"x".repeat(100), 9)));
    }

    #[test]
    fn slugs_of_titles() {
        let long = "word ".repeat(60);
        for (title, want) in [
            ("Hello, World!", "hello-world"),
            ("  Ünïcödé & Straße ", "unicode-strasse"),
            ("Привет", "privet"),
            ("!!!", "untitled"),
            ("", "untitled"),
            (long.as_str(), "word-".repeat(20).trim_end_matches('-')),
        ] {
            assert_eq!(slug_of(title), want);
            assert!(is_slug(&slug_of(title)), "{title:?}");
        }
        assert!(is_slug(&slug_of(&"x".repeat(500))));
    }
}
