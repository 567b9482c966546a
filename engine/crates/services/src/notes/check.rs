//! What a note must look like. Every wrong field is named at once.

use inkstone_domain::note::{MAX_SOURCES, MAX_TEXT_BYTES, MAX_TITLE_CHARS, NoteText};
use inkstone_domain::research::Source;
use inkstone_domain::{Error, FieldError, Result, codes};
use url::Url;

const MAX_URL_BYTES: usize = 2_000;
/// Of a source's title, author and date.
const MAX_WORDS_CHARS: usize = 500;

/// `invalid_input` with every wrong field.
pub(crate) fn text(text: &NoteText) -> Result<()> {
    let mut wrong = Wrong::default();
    let title_chars = text.title.chars().count();
    if text.title.trim().is_empty() || title_chars > MAX_TITLE_CHARS {
        let detail = format!("must have 1 to {MAX_TITLE_CHARS} characters");
        wrong.add("/title", detail);
    }
    if text.body.len() > MAX_TEXT_BYTES {
        let detail = format!("must have at most {MAX_TEXT_BYTES} bytes");
        wrong.add("/text", detail);
    }
    if text.sources.len() > MAX_SOURCES {
        let detail = format!("must be at most {MAX_SOURCES} sources");
        wrong.add("/sources", detail);
    }
    for (index, source) in text.sources.iter().enumerate().take(MAX_SOURCES) {
        self::source(&format!("/sources/{index}"), source, &mut wrong);
    }
    wrong.into_result()
}

fn source(pointer: &str, source: &Source, wrong: &mut Wrong) {
    if is_empty(source) {
        wrong.add(pointer, "must have a `url` or a `title`");
    }
    if source.url.as_deref().is_some_and(|url| !is_address(url)) {
        let detail =
            format!("must be an address with `http` or `https`, at most {MAX_URL_BYTES} bytes");
        wrong.add(&format!("{pointer}/url"), detail);
    }
    for (name, words) in [
        ("title", &source.title),
        ("author", &source.author),
        ("published", &source.published),
    ] {
        let is_long = |words: &String| words.chars().count() > MAX_WORDS_CHARS;
        if words.as_ref().is_some_and(is_long) {
            let detail = format!("must have at most {MAX_WORDS_CHARS} characters");
            wrong.add(&format!("{pointer}/{name}"), detail);
        }
    }
}

/// The sources of a tool's answer as a note takes them: what it does not take is left out or cut.
pub(super) fn kept_sources(sources: Vec<Source>) -> Vec<Source> {
    let cut = |words: Option<String>| {
        words.map(|words| words.chars().take(MAX_WORDS_CHARS).collect::<String>())
    };
    let kept = sources.into_iter().map(|source| Source {
        url: source.url.filter(|url| is_address(url)),
        title: cut(source.title),
        author: cut(source.author),
        published: cut(source.published),
    });
    let named = kept.filter(|source| !is_empty(source));
    named.take(MAX_SOURCES).collect()
}

fn is_address(url: &str) -> bool {
    let is_web = |url: Url| matches!(url.scheme(), "http" | "https");
    url.len() <= MAX_URL_BYTES && Url::parse(url).is_ok_and(is_web)
}

fn is_empty(source: &Source) -> bool {
    let is_there = |words: &Option<String>| {
        words
            .as_deref()
            .is_some_and(|words| !words.trim().is_empty())
    };
    !is_there(&source.url) && !is_there(&source.title)
}

#[derive(Default)]
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
    }

    fn into_result(self) -> Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(
                Error::new(&codes::INVALID_INPUT, "the note is not valid as given")
                    .with_fields(self.0),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_last_that_fit() {
        let source = Source {
            url: Some("https://example.org".to_owned()),
            ..Source::default()
        };
        let largest = NoteText {
            title: "潮".repeat(MAX_TITLE_CHARS),
            body: "x".repeat(MAX_TEXT_BYTES),
            sources: vec![source.clone(); MAX_SOURCES],
        };
        text(&largest).unwrap();
        let mut larger = largest;
        larger.title.push('x');
        larger.body.push('x');
        larger.sources.push(source);
        let refused = text(&larger).unwrap_err();
        let pointers: Vec<&str> = refused.fields().iter().map(|it| &*it.pointer).collect();
        assert_eq!(pointers, ["/title", "/text", "/sources"]);
    }

    #[test]
    fn addresses_are_of_the_web() {
        for (url, is_one) in [
            ("https://example.org/a?b#c", true),
            ("HTTP://example.org", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("file:///etc/passwd", false),
            ("example.org", false),
            ("", false),
        ] {
            assert_eq!(is_address(url), is_one, "{url}");
        }
        let long = format!("https://example.org/{}", "x".repeat(MAX_URL_BYTES));
        assert!(!is_address(&long));
    }
}
