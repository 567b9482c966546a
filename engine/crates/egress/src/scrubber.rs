//! Takes every known secret out of texts that leave the engine: log lines, errors, panics, recordings
//! and what upstreams answer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Match, MatchKind};
use inkstone_domain::{Error, Result, codes};

use crate::forms::forms_of;
use crate::secret::Secret;

/// Shorter values would tear ordinary text apart and are no secrets worth the name.
pub(crate) const SHORTEST_BYTES: usize = 8;

/// Knows all secrets, and replaces each by `[redacted:NAME]`, also where it is encoded in base64,
/// hexadecimal, JSON or percent signs. Cheap to clone; the default knows none.
#[derive(Clone, Default)]
pub struct Scrubber(Option<Arc<Known>>);

struct Known {
    finder: AhoCorasick,
    needles: Vec<Needle>,
    /// The needles that begin with a byte, for looking at the end of a piece.
    by_first_byte: Vec<Vec<usize>>,
    longest: usize,
}

struct Needle {
    bytes: Vec<u8>,
    /// `[redacted:NAME]`
    replacement: String,
}

/// What stands where a secret stood.
#[derive(Clone, Copy)]
pub(crate) enum Replacement {
    /// `[redacted:NAME]`, for operators.
    Named,
    /// `[redacted]`, for plugins, whose business names are not.
    Plain,
}

impl Scrubber {
    /// Secrets with their names. Those shorter than eight bytes are left out: they cannot be told from text.
    ///
    /// # Errors
    /// `invalid_config` where the secrets are too many or too long to be looked for.
    pub fn new<N: AsRef<str>, S: Into<Secret>>(
        secrets: impl IntoIterator<Item = (N, S)>,
    ) -> Result<Self> {
        let mut needles: Vec<Needle> = Vec::new();
        for (name, secret) in secrets {
            let (name, secret) = (name.as_ref(), secret.into());
            if secret.expose().len() < SHORTEST_BYTES {
                continue;
            }
            let replacement = format!("[redacted:{name}]");
            for form in forms_of(secret.expose()) {
                // The first name counts where two share a value.
                if needles.iter().all(|known| known.bytes != form.as_bytes()) {
                    needles.push(Needle {
                        bytes: form.into_bytes(),
                        replacement: replacement.clone(),
                    });
                }
            }
        }
        if needles.is_empty() {
            return Ok(Self(None));
        }
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles.iter().map(|needle| &needle.bytes))
            .map_err(|fault| {
                let message = "the credentials are too many or too long to be kept out of logs";
                Error::new(&codes::INVALID_CONFIG, message).with_source(fault)
            })?;
        let mut by_first_byte = vec![Vec::new(); 256];
        for (index, needle) in needles.iter().enumerate() {
            if let Some(first) = needle.bytes.first() {
                by_first_byte[usize::from(*first)].push(index);
            }
        }
        let longest = needles.iter().map(|needle| needle.bytes.len()).max();
        Ok(Self(Some(Arc::new(Known {
            finder,
            needles,
            by_first_byte,
            longest: longest.unwrap_or(0),
        }))))
    }

    /// The text without secrets.
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.scrub_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Needles are whole texts, so what is left between them is text as well.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The same for bytes that may be anything.
    pub fn scrub_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        self.replaced(bytes, Replacement::Named)
    }

    pub(crate) fn replaced<'t>(&self, bytes: &'t [u8], with: Replacement) -> Cow<'t, [u8]> {
        let Some(known) = &self.0 else {
            return Cow::Borrowed(bytes);
        };
        let mut found = known.finder.find_iter(bytes).peekable();
        if found.peek().is_none() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for one in found {
            out.extend_from_slice(&bytes[from..one.start()]);
            out.extend_from_slice(known.replacement(&one, with));
            from = one.end();
        }
        out.extend_from_slice(&bytes[from..]);
        Cow::Owned(out)
    }

    pub(crate) fn finds_in(&self, text: &[u8]) -> bool {
        self.0
            .as_ref()
            .is_some_and(|known| known.finder.is_match(text))
    }

    /// Where what could be the beginning of a secret starts, and must wait for what comes next. A
    /// secret that reaches over that place is complete, so it starts behind it.
    pub(crate) fn settled_until(&self, text: &[u8]) -> usize {
        let Some(known) = &self.0 else {
            return text.len();
        };
        let mut until = known.begins_at_end(text, 0);
        for one in known.finder.find_iter(text) {
            if one.start() >= until {
                break;
            }
            if one.end() > until {
                until = known.begins_at_end(text, one.end());
            }
        }
        until
    }
}

impl Known {
    fn replacement(&self, found: &Match, with: Replacement) -> &[u8] {
        match with {
            Replacement::Named => self.needles[found.pattern().as_usize()]
                .replacement
                .as_bytes(),
            Replacement::Plain => b"[redacted]",
        }
    }

    /// The first place from `from` on at which the rest of the text is the beginning of a needle.
    fn begins_at_end(&self, text: &[u8], from: usize) -> usize {
        let earliest = text.len().saturating_sub(self.longest.saturating_sub(1));
        (earliest.max(from)..text.len())
            .find(|at| {
                let rest = &text[*at..];
                let candidates = &self.by_first_byte[usize::from(rest[0])];
                candidates.iter().any(|index| {
                    let needle = &self.needles[*index].bytes;
                    needle.len() > rest.len() && needle.starts_with(rest)
                })
            })
            .unwrap_or(text.len())
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrubber(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber(secrets: &[(&str, &str)]) -> Scrubber {
        Scrubber::new(secrets.iter().copied()).expect("valid")
    }

    #[test]
    fn every_known_secret_is_replaced_by_its_name() {
        let scrubber = scrubber(&[("openai", "sk-12345678"), ("other", "a key/with=signs")]);
        for (text, want) in [
            ("nothing here", "nothing here"),
            ("sk-12345678", "[redacted:openai]"),
            (
                "x sk-12345678, a key/with=signs y",
                "x [redacted:openai], [redacted:other] y",
            ),
            ("?k=a+key%2Fwith%3Dsigns", "?k=[redacted:other]"),
            ("?k=a%20key%2fwith%3dsigns", "?k=[redacted:other]"),
            ("c2stMTIzNDU2Nzg=", "[redacted:openai]g="),
            (
                "ümlaut sk-12345678 ümlaut",
                "ümlaut [redacted:openai] ümlaut",
            ),
        ] {
            assert_eq!(scrubber.scrub(text), want);
        }
        assert!(matches!(scrubber.scrub("clean"), Cow::Borrowed("clean")));
        assert!(!format!("{scrubber:?}").contains("1234"));
    }

    #[test]
    fn short_values_are_left_alone() {
        assert_eq!(scrubber(&[("a", "anan")]).scrub("banana"), "banana");
        assert_eq!(Scrubber::default().scrub("banana"), "banana");
    }
}
