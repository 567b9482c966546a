//! Ids and versions as they may stand in a package. Both become parts of file names and URLs, so
//! neither may hold anything that means something there.

use semver::Version;

const MAX_CHARS: usize = 64;

/// A lower-case letter, then lower-case letters, digits and hyphens.
pub fn check_id(id: &str) -> Result<(), String> {
    let is_plain = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_plain && id.len() <= MAX_CHARS {
        return Ok(());
    }
    Err(format!(
        "the id `{}` is not a lower-case letter and then lower-case letters, digits and hyphens, at most {MAX_CHARS} in all",
        shown(id)
    ))
}

/// A semantic version, such as `1.2.0`.
pub fn check_version(version: &str) -> Result<Version, String> {
    let wrong = || {
        format!(
            "the version `{}` is no semantic version of at most {MAX_CHARS} characters, such as 1.2.0",
            shown(version)
        )
    };
    if version.len() > MAX_CHARS {
        return Err(wrong());
    }
    Version::parse(version).map_err(|_| wrong())
}

/// Foreign text in a message: without control characters, and not too long.
pub(crate) fn shown(text: &str) -> String {
    let start: String = text.chars().take(MAX_CHARS).collect();
    start.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_versions_cannot_leave_a_folder() {
        for (id, is_fine) in [
            ("provider-openai", true),
            ("a", true),
            ("", false),
            ("../x", false),
            ("a/b", false),
            ("a.b", false),
            ("A", false),
            ("1a", false),
        ] {
            assert_eq!(check_id(id).is_ok(), is_fine, "{id}");
        }
        assert!(check_id(&"a".repeat(65)).is_err());
        for (version, is_fine) in [
            ("1.2.0", true),
            ("1.2.0-rc.1+build5", true),
            ("1.2", false),
            ("1.2.0-/../x", false),
            ("1.2.0-a\\b", false),
            ("", false),
        ] {
            assert_eq!(check_version(version).is_ok(), is_fine, "{version}");
        }
        assert!(check_version(&format!("1.2.0-{}", "a".repeat(60))).is_err());
    }

    #[test]
    fn foreign_text_is_shown_short_and_without_control_characters() {
        assert_eq!(shown("a\nb\u{1b}[0m"), "a\\nb\\u{1b}[0m");
        assert_eq!(shown(&"x".repeat(1_000)).len(), 64);
    }
}
