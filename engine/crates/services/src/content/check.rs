//! What an article must look like. Every wrong field is named at once, by its place in the request.

use inkstone_domain::content::{Article, PageRequest};
use inkstone_domain::{Error, FieldError, Result, codes};

use super::extras::check_extras;
use super::slug::is_slug;

/// Of the title of an article.
pub const MAX_TITLE_CHARS: usize = 300;
const MAX_SUMMARY_CHARS: usize = 5_000;
const MAX_META_CHARS: usize = 1_000;
const MAX_BODY_BYTES: usize = 1 << 20;
const MAX_TAGS: usize = 32;
const MAX_TAG_CHARS: usize = 64;
const MAX_COMMENT_CHARS: usize = 2_000;

/// Checks everything a person or a plugin has a say in.
pub fn check_article(article: &Article) -> Result<()> {
    let mut wrong = Wrong::default();
    let text = &article.text;
    let title_chars = text.title.chars().count();
    if text.title.trim().is_empty() || title_chars > MAX_TITLE_CHARS {
        wrong.add(
            "/title",
            format!("must have 1 to {MAX_TITLE_CHARS} characters"),
        );
    }
    if text.title.contains(char::is_control) {
        wrong.add("/title", "must be one line without control characters");
    }
    if text.summary.chars().count() > MAX_SUMMARY_CHARS {
        wrong.add(
            "/summary",
            format!("must have at most {MAX_SUMMARY_CHARS} characters"),
        );
    }
    if text.meta_description.chars().count() > MAX_META_CHARS {
        wrong.add(
            "/meta_description",
            format!("must have at most {MAX_META_CHARS} characters"),
        );
    }
    if text.body.len() > MAX_BODY_BYTES {
        wrong.add("/body", format!("must have at most {MAX_BODY_BYTES} bytes"));
    }
    if text.tags.len() > MAX_TAGS {
        wrong.add("/tags", format!("must be at most {MAX_TAGS} tags"));
    }
    for (index, tag) in text.tags.iter().enumerate().take(MAX_TAGS) {
        if !is_tag(tag) {
            wrong.add(&format!("/tags/{index}"), tag_rule());
        }
    }
    if !is_language(&text.language) {
        wrong.add(
            "/language",
            "must be a BCP 47 language tag, such as `en` or `pt-BR`",
        );
    }
    if !is_slug(&article.slug) {
        wrong.add("/slug", SLUG_RULE);
    }
    if !is_slug(&article.project) {
        wrong.add("/project", SLUG_RULE);
    }
    check_extras(&text.extras, &mut wrong);
    wrong.into_result("the article is not valid as given")
}

/// Checks one tag.
pub fn check_tag(pointer: &str, tag: &str) -> Result<()> {
    let mut wrong = Wrong::default();
    if !is_tag(tag) {
        wrong.add(pointer, tag_rule());
    }
    wrong.into_result("the tag is not valid as given")
}

fn is_tag(tag: &str) -> bool {
    !tag.trim().is_empty() && tag.chars().count() <= MAX_TAG_CHARS
}

fn tag_rule() -> String {
    format!("must have 1 to {MAX_TAG_CHARS} characters")
}

/// Checks what somebody says about a change.
pub fn check_comment(comment: Option<&str>) -> Result<()> {
    let mut wrong = Wrong::default();
    if comment.is_some_and(|comment| comment.chars().count() > MAX_COMMENT_CHARS) {
        wrong.add(
            "/comment",
            format!("must have at most {MAX_COMMENT_CHARS} characters"),
        );
    }
    wrong.into_result("the comment is not valid as given")
}

/// Checks the name of a project.
pub fn check_project(project: &str) -> Result<()> {
    let mut wrong = Wrong::default();
    if !is_slug(project) {
        wrong.add("/project", SLUG_RULE);
    }
    wrong.into_result("the project is not valid as given")
}

/// Checks what a client asks of a list.
pub fn check_page(page: &PageRequest) -> Result<()> {
    match page.limit {
        1..=100 => Ok(()),
        _ => Err(Error::new(
            &codes::INVALID_INPUT,
            "`limit` must be from 1 to 100",
        )),
    }
}

const SLUG_RULE: &str =
    "must have 1 to 100 of the characters a-z, 0-9 and -, and neither begin nor end with -";

/// The shape of a BCP 47 tag: subtags of one to eight letters and digits, the first of two or three
/// letters (or `x`, `i` for private and old ones). Whether such a language exists is not asked.
fn is_language(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let primary = subtags.next().unwrap_or_default();
    let is_primary = primary.bytes().all(|b| b.is_ascii_alphabetic())
        && (matches!(primary.len(), 2..=3)
            || (matches!(primary, "x" | "i") && tag.len() > primary.len()));
    let is_subtag = |subtag: &str| {
        matches!(subtag.len(), 1..=8) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    is_primary && tag.len() <= 35 && subtags.all(is_subtag)
}

/// What is wrong with an input, field by field.
#[derive(Default)]
pub(super) struct Wrong(Vec<FieldError>);

impl Wrong {
    pub(super) fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
    }

    pub(super) fn into_result(self, message: &str) -> Result<()> {
        let Some(first) = self.0.first() else {
            return Ok(());
        };
        let message = format!("{message}: `{}` {}", first.pointer, first.detail);
        Err(Error::new(&codes::INVALID_INPUT, message).with_fields(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::is_language;

    #[test]
    fn languages() {
        for (tag, want) in [
            ("en", true),
            ("pt-BR", true),
            ("zh-Hant-TW", true),
            ("und", true),
            ("x-klingon", true),
            ("", false),
            ("e", false),
            ("x", false),
            ("english", false),
            ("en_GB", false),
            ("en-", false),
            ("en-toolongsubtag", false),
            ("dé", false),
        ] {
            assert_eq!(is_language(tag), want, "{tag:?}");
        }
    }
}
